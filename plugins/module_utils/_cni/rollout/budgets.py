# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which PodDisruptionBudgets speak for a pod: the API server's refusal of an eviction does not always name them.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import objects

Labels = t.Mapping[str, str]


def over(labels: Labels, budgets: t.Iterable[objects.Raw]) -> t.Tuple[str, ...]:
    """The budgets of the pod's namespace that select it, in words."""
    return tuple(_words(budget) for budget in budgets if selects((budget.get("spec") or {}).get("selector"), labels))


def selects(selector: t.Optional[objects.Raw], labels: Labels) -> bool:
    """Whether a label selector takes the labels; an empty one takes all, none at all takes none."""
    if selector is None:
        return False
    exact = selector.get("matchLabels") or {}
    return exact.items() <= labels.items() and all(_matches(rule, labels) for rule in selector.get("matchExpressions") or ())


_OPERATORS: t.Mapping[str, t.Callable[[t.Optional[str], t.Collection[str]], bool]] = {
    "In": lambda value, values: value in values,
    "NotIn": lambda value, values: value not in values,
    "Exists": lambda value, _values: value is not None,
    "DoesNotExist": lambda value, _values: value is None,
}


def _matches(rule: objects.Raw, labels: Labels) -> bool:
    return _OPERATORS[rule["operator"]](labels.get(rule["key"]), rule.get("values") or ())


def _words(budget: objects.Raw) -> str:
    status = budget.get("status") or {}
    allowed, healthy, wanted = (status.get(key, 0) for key in ("disruptionsAllowed", "currentHealthy", "desiredHealthy"))
    name = objects.metadata(budget)["name"]
    return f"PodDisruptionBudget {name} allows {allowed} disruptions: {healthy} pods are healthy and it wants {wanted}"
