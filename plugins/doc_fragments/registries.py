# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of the modules that copy images; the argument spec is in ``plugins/module_utils/_registry/options.py``."""

from __future__ import annotations


class ModuleDocFragment:
    """How registries are reached, what comes along with an image, and how much is done at once."""

    DOCUMENTATION = r"""
options:
  username:
    description:
      - User at O(registry), such as a robot of Harbor.
      - Without it the credentials come from O(hosts) or O(auth_file).
    type: str
  password:
    description: Password of O(username).
    type: str
  auth_file:
    description:
      - File that C(podman login), C(skopeo login) or C(docker login) has written. Its credential helpers are asked, and an entry for a
        path counts more than one for its registry.
      - The default are the usual ones of those programs, as far as they are there - E(REGISTRY_AUTH_FILE),
        C(containers/auth.json) below E(XDG_RUNTIME_DIR) and C(~/.config), and C(~/.docker/config.json).
    type: path
  hosts:
    description: What is special about single registries. All others are asked with TLS and the certificates of the system.
    type: list
    elements: dict
    default: []
    suboptions:
      host:
        description: The registry's name as in references, with its port if it has one.
        type: str
        required: true
      endpoint:
        description:
          - The host that is asked in its place, such as a cache of yours. Its images have the same paths, and it is asked with TLS or
            without as O(hosts[].plain_http) has it. Certificates and credentials for it are those of its own entry.
        type: str
      ca_file:
        description: Certificates in PEM to trust there beside those of the system.
        type: path
      plain_http:
        description: Whether the registry speaks HTTP without TLS.
        type: bool
        default: false
      validate_certs:
        description: Whether the registry must prove that it is the one.
        type: bool
        default: true
      username:
        description: User there.
        type: str
      password:
        description: Password of that user.
        type: str
  platforms:
    description:
      - Platforms of the images of several platforms, such as V(linux/amd64) or V(linux/arm/v7). The default is all of them, byte for byte.
      - With a choice there is a new index with a digest of its own, so signatures of the whole do not fit it, and an image that is named by
        its digest is refused.
      - The index has then to be read each time, which a registry such as Docker Hub counts as a pull.
    type: list
    elements: str
    default: []
  referrers:
    description: Whether what refers to an image, such as signatures and inventories, comes along.
    type: bool
    default: false
  signatures:
    description: Whether what cosign keeps beside an image under tags comes along - C(.sig), C(.att) and C(.sbom).
    type: bool
    default: false
  foreign_layers:
    description:
      - What to do with layers that are to be fetched from their maker, as those of Windows.
      - V(refuse) fails such an image, V(copy) copies them, which their licence may forbid, and V(leave) leaves them where they are.
    type: str
    choices: [refuse, copy, leave]
    default: refuse
  workers:
    description: How much is done at once, and how many requests a registry gets at a time. One that says it is too much gets fewer.
    type: int
    default: 8
  timeout:
    description: Seconds in which a registry has to say something.
    type: int
    default: 60
requirements:
  - urllib3, which comes with the Kubernetes client
"""
