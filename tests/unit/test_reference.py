# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/reference says what the modules and roles say, and how their markup becomes Markdown."""

from __future__ import annotations

import importlib.util
import typing as t
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


@pytest.fixture(scope="module")
def generator() -> t.Any:
    spec = importlib.util.spec_from_file_location("generate_reference", ROOT / "docs" / "generate_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_committed_pages_are_the_generated_ones(generator: t.Any) -> None:
    generated = generator.pages()
    committed = {path.name: path.read_text() for path in REFERENCE.glob("*.md")}
    stale = sorted(name for name in {*generated, *committed} if generated.get(name) != committed.get(name))
    assert stale == [], "these pages of docs/reference are stale; run: .venv/bin/python docs/generate_reference.py"


@pytest.mark.parametrize(
    ("markup", "markdown"),
    [
        ("O(state=only) and V(0)", "`state=only` and `0`"),
        ("C(/etc/cni) or E(KUBECONFIG)", "`/etc/cni` or `KUBECONFIG`"),
        (r"V(a\)b)", "`a)b`"),
        ("B(never) I(so)", "**never** *so*"),
        ("L(the guide, https://x.example/a)", "[the guide](https://x.example/a)"),
        ("U(https://x.example)", "<https://x.example>"),
        ("M(podnet.cni.cni_info)", "[`podnet.cni.cni_info`](cni_info.md)"),
        ("M(kubernetes.core.k8s)", "`kubernetes.core.k8s`"),
        ("RV(ignore:owner)", "`owner`"),
        ("RV(podnet.cni.cni_info#module:snapshot)", "`snapshot` of [`podnet.cni.cni_info`](cni_info.md)"),
        ("IPPool (CRDs) and ARP(x)", "IPPool (CRDs) and ARP(x)"),
    ],
)
def test_markup(generator: t.Any, markup: str, markdown: str) -> None:
    assert generator.markdown(markup) == markdown
