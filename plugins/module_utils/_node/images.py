# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The images of a node, by the container runtime's own interface: which are there, and the pull of one that is not.

Private: may change at any time.
"""

from __future__ import annotations

from ansible_collections.podnet.cni.plugins.module_utils._errors import NodeError
from ansible_collections.podnet.cni.plugins.module_utils._node import cri, grpc
from ansible_collections.podnet.cni.plugins.module_utils._node.protobuf import field, message

#: Seconds for a look at what is there.
_LOOK = 15.0


def is_present(path: str, image: str) -> bool:
    """Whether the runtime behind the CRI socket ``path`` has the image, by the name that a pod would use."""
    with grpc.connect(path, _LOOK) as channel:
        return message(channel.call(f"{_service(channel)}ImageStatus", _about(image)), 1) != b""


def pull(path: str, image: str, seconds: float) -> None:
    """Has the runtime pull the image as kubelet would without pull secrets; NodeError says why it could not."""
    with grpc.connect(path, seconds) as channel:
        try:
            channel.call(f"{_service(channel)}PullImage", _about(image))
        except NodeError as error:
            raise NodeError(
                f"it cannot pull {image}: {error.what}",
                "this node's container runtime",
                "See that it reaches the registry, or put the image there, then run this again.",
            ) from error


def _service(channel: grpc.Channel) -> str:
    service, _version = cri.greet(channel)
    return service.replace("RuntimeService", "ImageService")


def _about(image: str) -> bytes:
    """ImageStatusRequest and PullImageRequest both have an ImageSpec in their first field."""
    return field(1, field(1, image))
