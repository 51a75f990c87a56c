# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module is: its options, and the function that does its work.

The same two serve a process of its own (``main`` here) and, on the control machine, Ansible's worker
(``plugins/plugin_utils/_control_machine.py``). Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors

Result = t.Dict[str, t.Any]


class Call(t.Protocol):
    """One call of a module: an AnsibleModule, or what stands for it in a worker."""

    params: t.Dict[str, t.Any]
    check_mode: bool
    #: Whether the task is one with no_log, so that nobody sees its result but the playbook.
    no_log: bool
    #: What neither result nor error may show.
    no_log_values: t.Set[str]

    def warn(self, warning: str) -> None: ...


def teller(call: t.Any) -> t.Callable[[str], None]:
    """Says how far a long task is, where somebody sees it: in Ansible's worker. A process of its own has no way to."""
    tell: t.Callable[[str], None] = getattr(call, "tell", lambda _line: None)
    return tell


def _nothing() -> None:
    pass


@dataclasses.dataclass(frozen=True)
class Spec:
    """What AnsibleModule is to know of a module, and what the module does."""

    argument_spec: t.Mapping[str, t.Any]
    act: t.Callable[[t.Any], Result]
    supports_check_mode: bool = True
    #: Python libraries it cannot do without: the name to install, and what tells why it cannot be imported (None: it can).
    libraries: t.Mapping[str, t.Callable[[], t.Optional[str]]] = dataclasses.field(default_factory=dict)
    #: What a library does when its process ends, for a process that goes on; None when there is no way to have it done.
    at_exit: t.Optional[t.Callable[[], None]] = _nothing
    mutually_exclusive: t.Sequence[t.Any] = ()
    required_together: t.Sequence[t.Any] = ()
    required_one_of: t.Sequence[t.Any] = ()
    required_if: t.Sequence[t.Any] = ()
    required_by: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)

    @property
    def rules(self) -> t.Dict[str, t.Any]:
        """How options go together, by the names that AnsibleModule has for it."""
        names = ("mutually_exclusive", "required_together", "required_one_of", "required_if", "required_by")
        return {name: getattr(self, name) for name in names if getattr(self, name)}

    def lacks(self) -> t.Optional[t.Tuple[str, str]]:
        """The library that is not there, and the traceback of its import."""
        for name, problem in self.libraries.items():
            why = problem()
            if why is not None:
                return name, why
        return None


def main(spec: Spec) -> None:
    """The module as a process of its own."""
    # Not above: validate-modules and Ansible's own tests put another class in its place, and a worker needs none.
    from ansible.module_utils.basic import AnsibleModule, missing_required_lib  # noqa: PLC0415

    module = AnsibleModule(argument_spec=dict(spec.argument_spec), supports_check_mode=spec.supports_check_mode, **spec.rules)
    lacked = spec.lacks()
    if lacked:
        name, why = lacked
        module.fail_json(msg=missing_required_lib(name), exception=why)
    try:
        result = spec.act(module)
    except _errors.PodnetError as error:
        module.fail_json(msg=str(error), **error.result)
    module.exit_json(**result)
