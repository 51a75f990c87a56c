#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cni_manifest
short_description: Fetch, verify and patch a CNI's manifest
version_added: 0.1.0
description:
  - Reads the manifest of flannel or Calico from a URL or a file, verifies it, and returns its objects patched for a cluster.
  - The patch is made on data, not on text, and touches only what the options name.
  - Runs on the control machine and applies nothing - give RV(resources) to M(kubernetes.core.k8s).
author: The podnet.cni authors (@podnet)
extends_documentation_fragment:
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
  idempotent:
    support: full
options:
  source:
    description: The manifest's URL (C(http), C(https)) or its path on the control machine.
    type: str
    required: true
  checksum:
    description:
      - The manifest's checksum, V(sha256:) and 64 hexadecimal digits.
      - Required when O(source) is a URL, optional for a path.
    type: str
    default: ""
  cni:
    description: The CNI the manifest must install.
    type: str
    choices: [flannel, calico]
    required: true
  network:
    description:
      - The pod network, an IPv4 CIDR. It becomes flannel's C(Network), or the pool that Calico makes when it starts the first time.
      - When empty, the manifest's own.
    type: str
    default: ""
  encapsulation:
    description:
      - How Calico carries packets between nodes. Only used with O(cni=calico).
      - V(vxlan) and V(vxlan_cross_subnet) run Calico without BIRD; V(ipip) and V(none) exchange routes by BGP.
    type: str
    choices: [vxlan, vxlan_cross_subnet, ipip, none]
    default: vxlan
  mtu:
    description: The MTU of Calico's pods and tunnels, 576 to 65535. V(0) lets Calico find it. Only used with O(cni=calico).
    type: int
    default: 0
  ip_autodetection_method:
    description:
      - How calico-node finds its node's address. Only used with O(cni=calico).
      - When empty, the manifest's own.
    type: str
    default: kubernetes-internal-ip
  backend:
    description:
      - Flannel's backend, the C(Backend) object of C(net-conf.json). Only used with O(cni=flannel).
      - When empty, the manifest's own. C(Type) is written in any case, because flanneld takes C(udp) where it is missing.
    type: dict
    default: {}
requirements:
  - PyYAML
seealso:
  - module: kubernetes.core.k8s
"""

EXAMPLES = r"""
- name: Prepare Calico for a cluster whose pods are in 10.244.0.0/16
  podnet.cni.cni_manifest:
    source: files/calico.yaml
    cni: calico
    network: 10.244.0.0/16
    encapsulation: vxlan_cross_subnet
  register: manifest

- name: Show the images that must be there first
  ansible.builtin.debug:
    var: manifest.images

- name: Prepare flannel with the host-gw backend
  podnet.cni.cni_manifest:
    source: files/kube-flannel.yml
    cni: flannel
    network: 10.244.0.0/16
    backend:
      Type: host-gw
"""

RETURN = r"""
resources:
  description: The manifest's objects, patched, each after those it leans on.
  returned: success
  type: list
  elements: dict
  sample:
    - {apiVersion: v1, kind: ServiceAccount, metadata: {name: calico-node, namespace: kube-system}}
images:
  description: Every image the manifest names, once.
  returned: success
  type: list
  elements: str
  sample: ["quay.io/calico/cni:v3.31.7", "quay.io/calico/node:v3.31.7", "quay.io/calico/kube-controllers:v3.31.7"]
daemonset:
  description: The DaemonSet that runs the CNI on each node.
  returned: success
  type: dict
  sample: {name: calico-node, namespace: kube-system}
sha256:
  description: The SHA-256 of the manifest as it was read, in hexadecimal.
  returned: success
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
"""

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry, _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import manifests, network
from ansible_collections.podnet.cni.plugins.module_utils._control import sources

#: What every IPv4 host must take, and what fits into a packet's length field.
_LEAST_MTU = 576
_MOST_MTU = 65535


def argument_spec() -> t.Dict[str, t.Any]:
    return {
        "source": {"type": "str", "required": True},
        "checksum": {"type": "str", "default": ""},
        "cni": {"type": "str", "choices": ["flannel", "calico"], "required": True},
        "network": {"type": "str", "default": ""},
        "encapsulation": {"type": "str", "choices": list(manifests.ENCAPSULATIONS), "default": "vxlan"},
        "mtu": {"type": "int", "default": 0},
        "ip_autodetection_method": {"type": "str", "default": "kubernetes-internal-ip"},
        "backend": {"type": "dict", "default": {}},
    }


def render(params: t.Mapping[str, t.Any], content: bytes) -> t.Dict[str, t.Any]:
    """What the module returns for a manifest of this content."""
    source, cni = params["source"], params["cni"]
    digest = manifests.verify_checksum(content, params["checksum"], source)
    if params["network"] and not network.is_ipv4(params["network"]):
        raise _errors.BadInputError(f"{params['network']} is not an IPv4 network", "network")
    if params["mtu"] and not _LEAST_MTU <= params["mtu"] <= _MOST_MTU:
        raise _errors.BadInputError(f"{params['mtu']} is not an MTU", "mtu", f"It is between {_LEAST_MTU} and {_MOST_MTU}, or 0.")
    resources = _patch(manifests.parse(sources.decode(content, source), source), params)
    daemonset = manifests.find_daemonset(resources, cni, source)["metadata"]
    return {
        "resources": manifests.in_apply_order(resources),
        "images": manifests.images(resources),
        "daemonset": {"name": daemonset["name"], "namespace": daemonset.get("namespace", "default")},
        "sha256": digest,
    }


def _patch(resources: t.List[t.Dict[str, t.Any]], params: t.Mapping[str, t.Any]) -> t.List[t.Dict[str, t.Any]]:
    if params["cni"] == "flannel":
        flannel = manifests.FlannelSettings(params["network"], params["backend"])
        return manifests.patch_flannel(resources, flannel, params["source"])
    calico = manifests.CalicoSettings(params["network"], params["encapsulation"], params["mtu"], params["ip_autodetection_method"])
    return manifests.patch_calico(resources, calico, params["source"])


def _read(source: str, checksum: str) -> bytes:
    if sources.is_url(source) and not checksum:
        raise _errors.BadInputError(
            "a manifest from a URL needs a checksum", source, "Set checksum to sha256: and the digest of the file you reviewed."
        )
    return sources.read(source)


def act(call: _entry.Call) -> _entry.Result:
    params = call.params
    try:
        return {"changed": False, **render(params, _read(params["source"], params["checksum"]))}
    except _errors.PodnetError:
        # Not before: in a result that is applied to a cluster, nothing may be blotted out.
        call.no_log_values |= sources.passwords_in(params["source"])
        raise


SPEC = _entry.Spec(argument_spec(), act, libraries={"PyYAML": lambda: manifests.YAML_IMPORT_ERROR})


def main() -> None:
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
