# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The layers hold: decisions do no I/O, what runs on nodes needs nothing but Python 3.8, one package talks to the API server."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGINS = ROOT / "plugins"
UTILS = PLUGINS / "module_utils"
OURS = "ansible_collections.podnet.cni.plugins.module_utils"
# Modules of the standard library that reach the outside world or the clock.
OUTSIDE_WORLD = {"asyncio", "ctypes", "datetime", "http", "os", "pathlib", "random", "select", "shutil", "signal", "socket", "ssl"}
OUTSIDE_WORLD |= {"subprocess", "tempfile", "threading", "time", "urllib"}
# Layers that decisions may not use.
ADAPTERS = ("_node", "_kube", "_registry", "_harbor")
# Newer than Python 3.8, and invisible to a parser.
NEWER_METHODS = {"removeprefix", "removesuffix", "bit_count", "is_relative_to", "with_stem", "to_thread"}

# Decisions: snapshots or objects in, verdicts out.
PURE = {UTILS / "_cni", UTILS / "_images", UTILS / "_netpol", UTILS / "_probing"}

SOURCES = sorted(path for path in PLUGINS.rglob("*.py") if "__pycache__" not in path.parts)


def _name(path: Path) -> str:
    return str(path.relative_to(PLUGINS))


every_source = pytest.mark.parametrize("source", SOURCES, ids=_name)


@every_source
def test_python_38_can_parse_it(source: Path) -> None:
    ast.parse(source.read_text(), filename=_name(source), feature_version=(3, 8))


@every_source
def test_no_method_newer_than_python_38(source: Path) -> None:
    tree = ast.parse(source.read_text())
    assert [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in NEWER_METHODS] == []


@pytest.mark.parametrize("source", [path for path in SOURCES if UTILS / "_kube" not in path.parents], ids=_name)
def test_only_kube_imports_the_kubernetes_client(source: Path) -> None:
    # The argument spec and its documentation are data, not a client.
    allowed = "ansible_collections.kubernetes.core.plugins.module_utils.args_common"
    clients = ("kubernetes", "ansible_collections.kubernetes")
    assert [name for name in _imports(source) if name.startswith(clients) and not name.startswith(allowed)] == []


@pytest.mark.parametrize("source", [path for path in SOURCES if PURE & set(path.parents)], ids=_name)
def test_pure_code_does_not_reach_outside(source: Path) -> None:
    packages = {name.partition(".")[0] for name in _imports(source)}
    foreign = {name for name in packages if name not in sys.stdlib_module_names and name not in ("ansible_collections", "yaml")}
    assert packages & OUTSIDE_WORLD == set()
    assert foreign == set()
    assert [name for name in _imports(source) if name.startswith(tuple(f"{OURS}.{layer}" for layer in ADAPTERS))] == []


@pytest.mark.parametrize("source", [path for path in SOURCES if {UTILS / "_images", UTILS / "_registry"} & set(path.parents)], ids=_name)
def test_images_know_nothing_of_networks(source: Path) -> None:
    foreign = ("_cni", "_node", "_kube", "_control", "_report", "_harbor")
    assert [name for name in _imports(source) if name.startswith(tuple(f"{OURS}.{layer}" for layer in foreign))] == []


# Packages that speak HTTP.
_HTTP = {UTILS / "_kube", UTILS / "_registry", UTILS / "_harbor"}


@pytest.mark.parametrize("source", [path for path in SOURCES if _HTTP.isdisjoint(path.parents)], ids=_name)
def test_only_adapters_of_http_import_its_library(source: Path) -> None:
    assert [name for name in _imports(source) if name.partition(".")[0] == "urllib3"] == []


# What of Harbor's and registries' packages decides.
_DECIDING = ("records.py", "plan.py", "prune.py")
_IMAGE_SOURCES = [path for path in SOURCES if UTILS / "_images" in path.parents]
_HARBOR_SOURCES = [path for path in SOURCES if UTILS / "_harbor" in path.parents]


@pytest.mark.parametrize("source", _IMAGE_SOURCES, ids=_name)
def test_images_know_no_other_package(source: Path) -> None:
    ours = {name[len(OURS) + 1 :].partition(".")[0] for name in _imports(source) if name.startswith(f"{OURS}.")}
    assert ours <= {"_images", "_errors"}


@pytest.mark.parametrize("source", [*_IMAGE_SOURCES, *(path for path in _HARBOR_SOURCES if path.name in _DECIDING)], ids=_name)
def test_decisions_about_images_do_not_reach_outside(source: Path) -> None:
    packages = {name.partition(".")[0] for name in _imports(source)}
    assert packages & OUTSIDE_WORLD == set()
    assert {name for name in packages if name not in sys.stdlib_module_names and name not in ("ansible_collections", "yaml")} == set()
    above = tuple(f"{OURS}.{package}" for package in ("_harbor.client", "_harbor.api", "_harbor.options", "_registry"))
    assert [name for name in _imports(source) if name.startswith(above)] == []


@pytest.mark.parametrize("source", _HARBOR_SOURCES, ids=_name)
def test_harbor_s_adapter_needs_only_urllib3(source: Path) -> None:
    packages = {name.partition(".")[0] for name in _imports(source)}
    assert {name for name in packages if name not in sys.stdlib_module_names and name != "ansible_collections"} <= {"urllib3"}
    others = tuple(f"{OURS}.{package}" for package in ("_cni", "_node", "_kube", "_control", "_registry"))
    assert [name for name in _imports(source) if name.startswith(others)] == []


@pytest.mark.parametrize("source", [path for path in SOURCES if UTILS / "_netpol" in path.parents], ids=_name)
def test_the_policy_engine_needs_nothing_of_the_collection_but_errors(source: Path) -> None:
    ours = [name for name in _imports(source) if name.startswith(f"{OURS}.") and not name.startswith(f"{OURS}._netpol")]
    assert {name.removeprefix(f"{OURS}.").partition(".")[0] for name in ours} <= {"_errors"}
    assert "yaml" not in _imports(source)


@pytest.mark.parametrize("source", [path for path in SOURCES if UTILS / "_node" in path.parents], ids=_name)
def test_node_adapters_need_only_the_standard_library(source: Path) -> None:
    packages = {name.partition(".")[0] for name in _imports(source)}
    assert {name for name in packages if name not in sys.stdlib_module_names and name not in ("ansible_collections", "ansible")} == set()
    assert [name for name in _imports(source) if name.startswith(f"{OURS}._kube")] == []


def _imports(source: Path) -> list[str]:
    """Full names of what ``source`` imports; a relative import counts as the collection's own."""
    names: list[str] = []
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            names += [f"{_origin(source, node)}.{alias.name}" for alias in node.names]
    return names


def _origin(source: Path, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = source.relative_to(PLUGINS).parts[: -node.level]
    return ".".join(("ansible_collections.podnet.cni.plugins", *package, *([node.module] if node.module else [])))
