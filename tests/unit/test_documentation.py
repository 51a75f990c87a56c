# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every module says what it takes, what it returns, and shows tasks that would really run."""

from __future__ import annotations

import importlib
import typing as t
from pathlib import Path
from unittest import mock

import pytest
import yaml
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

ROOT = Path(__file__).parents[2]
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py") if path.stem != "__init__")
# A value of each type, in place of a template whose result only a real play knows.
PLACEHOLDERS: dict[str, t.Any] = {"int": 1, "float": 1.0, "bool": True, "list": [], "dict": {}}
RULES = ("mutually_exclusive", "required_together", "required_one_of", "required_if", "required_by")

pytestmark = pytest.mark.parametrize("module", MODULES)


def test_documentation_is_readable(module: str, module_docs: dict[str, dict[str, t.Any]]) -> None:
    assert module in module_docs, f"ansible-doc does not know plugins/modules/{module}.py"
    assert "error" not in module_docs[module], module_docs[module]["error"]
    doc = module_docs[module]["doc"]
    assert doc["module"] == module
    assert doc["short_description"]
    assert doc["author"]
    assert doc["version_added"]
    assert {"check_mode", "diff_mode", "idempotent"} <= set(doc.get("attributes", {})), "attributes fragment is missing"


def test_every_option_is_described(module: str, module_docs: dict[str, dict[str, t.Any]]) -> None:
    assert list(_undescribed(_part(module_docs, module, "doc").get("options") or {}, "options", "suboptions")) == []


def test_every_return_value_is_described_and_has_a_sample(module: str, module_docs: dict[str, dict[str, t.Any]]) -> None:
    returned = _part(module_docs, module, "return")
    assert returned, "RETURN is missing"
    assert list(_undescribed(returned, "contains", "contains")) == []
    assert [name for name, value in returned.items() if "sample" not in value and not _all_have_samples(value.get("contains"))] == []
    assert [name for name, value in returned.items() if "returned" not in value] == []


def test_examples_fit_the_argument_spec(module: str, module_docs: dict[str, dict[str, t.Any]]) -> None:
    tasks = list(_tasks(yaml.safe_load(_part(module_docs, module, "examples"))))
    calls = [task[f"podnet.cni.{module}"] or {} for task in tasks if f"podnet.cni.{module}" in task]
    assert calls, f"no example calls podnet.cni.{module} by its full name"
    assert [task for task in tasks if not task.get("name")] == [], "these tasks have no name"

    creation = _creation_arguments(module)
    rules = {name: creation[name] for name in RULES if creation.get(name)}
    validator = ArgumentSpecValidator(creation["argument_spec"], **rules)
    for call in calls:
        parameters = {name: _concrete(value, creation["argument_spec"].get(name, {})) for name, value in call.items()}
        assert validator.validate(parameters).error_messages == [], f"in the example {call}"


def _part(module_docs: dict[str, dict[str, t.Any]], module: str, part: str) -> t.Any:
    docs = module_docs.get(module, {})
    assert part in docs, docs.get("error", "ansible-doc does not know this module")
    return docs[part]


def _undescribed(options: dict[str, t.Any], path: str, nested_key: str) -> t.Iterator[str]:
    for name, option in options.items():
        if not option.get("description") or not option.get("type", "str" if nested_key == "suboptions" else None):
            yield f"{path}.{name}"
        yield from _undescribed(option.get(nested_key) or {}, f"{path}.{name}", nested_key)


def _all_have_samples(contains: dict[str, t.Any] | None) -> bool:
    return bool(contains) and all("sample" in value or _all_have_samples(value.get("contains")) for value in contains.values())


def _tasks(node: t.Any) -> t.Iterator[dict[str, t.Any]]:
    """Every task of EXAMPLES, which may be tasks, blocks or whole plays."""
    for entry in node or []:
        inner = [entry[key] for key in ("pre_tasks", "tasks", "post_tasks", "handlers", "block", "rescue", "always") if key in entry]
        if not inner and "hosts" not in entry:
            yield entry
        for tasks in inner:
            yield from _tasks(tasks)


class _Created(BaseException):
    """Carries what a module passed to AnsibleModule; a BaseException, so that no handler of the module can swallow it."""

    def __init__(self, arguments: dict[str, t.Any]) -> None:
        super().__init__()
        self.arguments = arguments


def _creation_arguments(module: str) -> dict[str, t.Any]:
    def create(_self: AnsibleModule, argument_spec: dict[str, t.Any], **arguments: t.Any) -> t.NoReturn:
        raise _Created({"argument_spec": argument_spec, **arguments})

    main = importlib.import_module(f"ansible_collections.podnet.cni.plugins.modules.{module}").main
    with mock.patch.object(AnsibleModule, "__init__", create), pytest.raises(_Created) as created:
        main()
    return created.value.arguments


def _concrete(value: t.Any, option: dict[str, t.Any]) -> t.Any:
    """``value`` with each template replaced by something of the type that ``option`` wants."""
    if isinstance(value, str) and "{{" in value:
        return option["choices"][0] if option.get("choices") else PLACEHOLDERS.get(option.get("type", "str"), "templated")
    if isinstance(value, list):
        element = {"type": option.get("elements", "str"), "options": option.get("options")}
        return [_concrete(item, element) for item in value]
    if isinstance(value, dict) and option.get("options"):
        return {name: _concrete(item, option["options"].get(name, {})) for name, item in value.items()}
    return value
