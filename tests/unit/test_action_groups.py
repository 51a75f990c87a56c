# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""One module_defaults entry must reach every module that talks to the API server, another one each that talks to Harbor, and no other."""

from __future__ import annotations

import ast
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
AUTH_FRAGMENT = "kubernetes.core.k8s_auth_options"
HARBOR_FRAGMENT = "podnet.cni.harbor"


def test_k8s_group_lists_exactly_the_modules_with_auth_options() -> None:
    assert sorted(_group_members("k8s")) == sorted(_modules_extending(AUTH_FRAGMENT))


def test_harbor_group_lists_exactly_the_modules_with_its_options() -> None:
    assert sorted(_group_members("harbor")) == sorted(_modules_extending(HARBOR_FRAGMENT))


def test_k8s_group_extends_the_one_of_kubernetes_core() -> None:
    metadata = [entry["metadata"] for entry in _group("k8s") if isinstance(entry, dict)]
    assert metadata == [{"extend_group": ["kubernetes.core.k8s"]}]


def _group(name: str) -> list[str | dict]:
    return yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["action_groups"][name]


def _group_members(name: str) -> list[str]:
    return [entry for entry in _group(name) if isinstance(entry, str)]


def _modules_extending(fragment: str) -> list[str]:
    modules = (ROOT / "plugins" / "modules").glob("*.py")
    return [path.stem for path in modules if fragment in _fragments(path)]


def _fragments(module: Path) -> list[str]:
    for node in ast.parse(module.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "DOCUMENTATION":
            extended = yaml.safe_load(ast.literal_eval(node.value)).get("extends_documentation_fragment", [])
            return [extended] if isinstance(extended, str) else extended
    return []
