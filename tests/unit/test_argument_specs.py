# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a role documents is what it does: its argument specs, its defaults and its task files agree.

A role's variables are its defaults and nothing more. An option that is required has no default; every other option is
a key of defaults/main.yml with the default that the spec names. An entry point may take only some of the variables.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").glob("*") if path.is_dir())
# Task files with these names are called from outside even where no playbook of ours does.
ENTRY_POINTS = {"main", "preflight", "install", "verify", "uninstall"}
# Variables of the inventory, shared by all roles.
INVENTORY_VARIABLES = {"kubeconfig"}

pytestmark = pytest.mark.parametrize("role", ROLES)


def test_defaults_are_the_options(role: str) -> None:
    documented = {
        name for options in _options_by_entry_point(role).values() for name, option in options.items() if not option.get("required")
    }
    assert documented - INVENTORY_VARIABLES == set(_defaults(role)), "argument_specs.yml and defaults/main.yml name different variables"


def test_defaults_have_the_documented_values(role: str) -> None:
    defaults = _defaults(role)
    wrong = [
        f"{entry_point}: {name} is documented as {option.get('default')!r} but defaults/main.yml says {defaults[name]!r}"
        for entry_point, options in _options_by_entry_point(role).items()
        for name, option in options.items()
        if name in defaults and _typed(option.get("default")) != _typed(defaults[name])
    ]
    assert wrong == []


def test_required_options_have_no_default(role: str) -> None:
    defaults = _defaults(role)
    wrong = {
        name
        for options in _options_by_entry_point(role).values()
        for name, option in options.items()
        if option.get("required") and name in defaults
    }
    assert wrong == set()


def test_options_are_described_and_carry_the_roles_name(role: str) -> None:
    for entry_point, options in _options_by_entry_point(role).items():
        assert [name for name, option in options.items() if not option.get("description") or not option.get("type")] == [], entry_point
        assert [name for name in options if not name.startswith(f"{role}_") and name not in INVENTORY_VARIABLES] == [], entry_point


def test_every_entry_point_is_documented(role: str) -> None:
    files = {path.stem for path in (ROOT / "roles" / role / "tasks").glob("*.yml")}
    called = (ENTRY_POINTS & files) | _called_from_outside(role)
    specs = _argument_specs(role)
    assert called - files == set(), "called, but there is no such file in tasks/"
    assert called - set(specs) == set(), "no entry in meta/argument_specs.yml"
    assert set(specs) - files == set(), "in meta/argument_specs.yml, but there is no such file in tasks/"
    assert [name for name, spec in specs.items() if not spec.get("short_description") or not spec.get("description")] == []


def _defaults(role: str) -> dict[str, t.Any]:
    path = ROOT / "roles" / role / "defaults" / "main.yml"
    return (yaml.safe_load(path.read_text()) or {}) if path.exists() else {}


def _argument_specs(role: str) -> dict[str, dict[str, t.Any]]:
    path = ROOT / "roles" / role / "meta" / "argument_specs.yml"
    assert path.exists(), f"roles/{role}/meta/argument_specs.yml is missing"
    return yaml.safe_load(path.read_text())["argument_specs"]


def _options_by_entry_point(role: str) -> dict[str, dict[str, t.Any]]:
    return {name: spec.get("options") or {} for name, spec in _argument_specs(role).items()}


def _typed(value: t.Any) -> tuple[str, t.Any]:
    """Tells 1 from true, which Python takes for equal."""
    return type(value).__name__, value


def _called_from_outside(role: str) -> set[str]:
    files = [path for folder in ("playbooks", "roles", "molecule") for path in (ROOT / folder).rglob("*.yml")]
    own = ROOT / "roles" / role
    calls = [call for path in files if own not in path.parents for call in _role_calls(_load(path))]
    return {call.get("tasks_from", "main").removesuffix(".yml") for call in calls if call.get("name") == f"podnet.cni.{role}"}


def _load(path: Path) -> t.Any:
    """The file as plain data; a tag such as !vault is no reason to fail here, ansible-lint reads the same files."""
    try:
        return yaml.safe_load(path.read_text())
    except yaml.YAMLError:
        return None


def _role_calls(node: t.Any) -> t.Iterator[dict[str, t.Any]]:
    if isinstance(node, list):
        for item in node:
            yield from _role_calls(item)
    if isinstance(node, dict):
        for key, value in node.items():
            if str(key).rpartition(".")[2] in ("include_role", "import_role") and isinstance(value, dict):
                yield value
            yield from _role_calls(value)
