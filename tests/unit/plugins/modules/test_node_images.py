# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import json
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Runtime
from ansible_collections.podnet.cni.plugins.module_utils._node import cri, grpc
from ansible_collections.podnet.cni.plugins.module_utils._node.protobuf import field, message, text
from ansible_collections.podnet.cni.plugins.modules import node_images

Run = t.Callable[..., dict[str, t.Any]]
CNI, NODE = "quay.io/calico/cni:v3.31.0", "quay.io/calico/node:v3.31.0"


class ImageService:
    """A runtime of a certain age: those before containerd 1.6 know only the older names of its services."""

    def __init__(self, *present: str, api: str = "v1") -> None:
        self.present, self.api = set(present), api
        self.missing: set[str] = set()

    def call(self, method: str, request: bytes) -> bytes:
        service, _slash, name = method.lstrip("/").rpartition("/")
        if not service.startswith(f"runtime.{self.api}."):
            raise grpc.CallError("unknown service", "here", grpc.UNIMPLEMENTED)
        if name == "Version":
            return field(2, "containerd")
        image = text(message(request, 1), 1)
        assert service.endswith(".ImageService")
        if name == "PullImage":
            if image in self.missing:
                raise grpc.CallError(f"failed to resolve {image}: not found", "here", 5)
            self.present.add(image)
            return field(1, "sha256:1")
        return field(1, field(1, "sha256:1")) if image in self.present else b""


@pytest.fixture(name="run")
def _run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(node_images.collect, "runtime", lambda: Runtime("containerd", socket="/run/x.sock"))

    def run(service: ImageService, *images: str, check: bool = False) -> dict[str, t.Any]:
        monkeypatch.setattr(cri.grpc, "connect", lambda _path, _timeout: contextlib.nullcontext(service))
        with patch_module_args({"images": list(images), "_ansible_check_mode": check}), pytest.raises(SystemExit):
            node_images.main()
        return t.cast("dict[str, t.Any]", json.loads(capfd.readouterr().out))

    return run


@pytest.mark.parametrize("api", ["v1", "v1alpha2"])
def test_what_is_missing_is_pulled_once(run: Run, api: str) -> None:
    service = ImageService(CNI, api=api)
    first = run(service, CNI, NODE, NODE)
    assert (first["changed"], first["pulled"], first["present"]) == (True, [NODE], [CNI])
    assert service.present == {CNI, NODE}
    assert run(service, CNI, NODE)["changed"] is False


def test_check_mode_pulls_nothing(run: Run) -> None:
    service = ImageService()
    result = run(service, CNI, check=True)
    assert (result["changed"], result["pulled"], result["diff"]["after"]) == (True, [CNI], f"{CNI}\n")
    assert service.present == set()


def test_an_image_that_cannot_be_pulled_is_named_with_the_reason(run: Run) -> None:
    service = ImageService()
    service.missing = {NODE}
    result = run(service, CNI, NODE)
    assert result["failed"] is True
    assert f"it cannot pull {NODE}: failed to resolve {NODE}: not found" in result["msg"]
    assert "run this again" in result["msg"]


def test_a_runtime_that_does_not_answer(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_images.collect, "runtime", lambda: Runtime(problem="no container runtime's socket"))
    assert "the container runtime cannot be asked: no container runtime's socket" in run(ImageService(), CNI)["msg"]
