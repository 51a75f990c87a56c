# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.podnet.cni.plugins.filter.object_definitions import object_definitions


def test_keeps_kind_and_place_and_the_order() -> None:
    references = [
        {"api_version": "apps/v1", "kind": "DaemonSet", "name": "kube-flannel-ds", "namespace": "kube-flannel"},
        {"api_version": "v1", "kind": "Namespace", "name": "kube-flannel", "namespace": ""},
    ]
    assert object_definitions(references) == [
        {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "kube-flannel-ds", "namespace": "kube-flannel"}},
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-flannel"}},
    ]


def test_what_is_no_reference_is_an_error_that_says_so() -> None:
    with pytest.raises(AnsibleFilterError, match="references"):
        object_definitions([{"apiVersion": "v1"}])
