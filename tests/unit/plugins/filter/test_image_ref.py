# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.podnet.cni.plugins.filter.image_ref import image_ref

SHA256 = "sha256:" + "ab" * 32


def test_the_parts() -> None:
    assert image_ref(f"Quay.io:5000/calico/node:v3@{SHA256}") == {
        "host": "quay.io:5000",
        "path": "calico/node",
        "tag": "v3",
        "digest": SHA256,
        "name": "quay.io:5000/calico/node",
        "reference": f"quay.io:5000/calico/node:v3@{SHA256}",
    }
    assert image_ref("busybox")["reference"] == "docker.io/library/busybox:latest"


def test_what_is_no_reference() -> None:
    with pytest.raises(AnsibleFilterError, match="'docker://x' is no reference to an image"):
        image_ref("docker://x")
