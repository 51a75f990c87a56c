# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster's address ranges: arithmetic on them, and where a cluster tells them.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import calico, flannel, manifests, objects

Network = t.Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

#: CNIs other than flannel and Calico, by a part of their container's image.
_OTHER_CNIS = (
    ("Cilium", "cilium/cilium"),
    ("Weave Net", "weave-kube"),
    ("kube-router", "kube-router"),
    ("Antrea", "antrea-"),
    ("kindnet", "kindnetd"),
    ("Amazon VPC CNI", "amazon-k8s-cni"),
    ("Azure CNI", "azure-cni"),
    ("OVN-Kubernetes", "ovn-kube"),
    ("Kube-OVN", "kube-ovn"),
    ("Multus", "multus-cni"),
    ("Romana", "romana-agent"),
)


def parse_cidr(text: str, what: str = "network") -> Network:
    """The CIDR as a network. Bits behind the prefix, or no prefix at all, are an error: they hide a slip of the pen."""
    advice = "Write a CIDR like 10.244.0.0/16."
    if "/" not in text:
        raise _errors.BadInputError(f"{text!r} has no prefix length", what, advice)
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise _errors.BadInputError(f"{error}", what, advice) from error


def is_ipv4(text: str) -> bool:
    """Whether a CIDR is of IPv4."""
    return parse_cidr(text).version == 4


def inside(inner: str, outer: str) -> bool:
    """Whether every address of ``inner`` is in ``outer``; never across families."""
    one, other = parse_cidr(inner), parse_cidr(outer)
    if isinstance(one, ipaddress.IPv4Network) and isinstance(other, ipaddress.IPv4Network):
        return one.subnet_of(other)
    if isinstance(one, ipaddress.IPv6Network) and isinstance(other, ipaddress.IPv6Network):
        return one.subnet_of(other)
    return False


def free(ranges: t.Iterable[str], taken: t.Iterable[str]) -> int:
    """How many IPv4 addresses of the ranges are in none of the others."""
    whole = list(ipaddress.collapse_addresses(ipaddress.IPv4Network(cidr) for cidr in ranges if is_ipv4(cidr)))
    others = list(ipaddress.collapse_addresses(ipaddress.IPv4Network(cidr) for cidr in taken if is_ipv4(cidr)))
    shared = sum(min(one.num_addresses, other.num_addresses) for one in whole for other in others if one.overlaps(other))
    return sum(one.num_addresses for one in whole) - shared


def overlap(one: str, other: str) -> bool:
    """Whether the ranges share an address."""
    return parse_cidr(one).overlaps(parse_cidr(other))


def contains(cidr: str, address: str) -> bool:
    """Whether the address is in the range."""
    return ipaddress.ip_address(address) in parse_cidr(cidr)


def service_cidrs(pods: t.Iterable[objects.Raw], objects_served: t.Iterable[objects.Raw], kubeadm: objects.Raw) -> t.Tuple[str, ...]:
    """Ranges of Service addresses: the API server's flag and the ServiceCIDR objects, which may add to it; else kubeadm's word."""
    flags = flag_values(pods, "kube-apiserver", "--service-cluster-ip-range")
    served = [cidr for item in objects_served for cidr in (item.get("spec") or {}).get("cidrs") or ()]
    return tuple(dict.fromkeys([*flags, *served])) or _split(_networking(kubeadm).get("serviceSubnet"))


def cluster_cidrs(pods: t.Iterable[objects.Raw], kubeadm: objects.Raw, kube_proxy: objects.Raw) -> t.Tuple[str, ...]:
    """Ranges of pod addresses: the controller manager's flag, else kubeadm's word, else kube-proxy's."""
    return (
        flag_values(pods, "kube-controller-manager", "--cluster-cidr")
        or _split(_networking(kubeadm).get("podSubnet"))
        or _split(kube_proxy.get("clusterCIDR"))
    )


def proxy_mode(kube_proxy: objects.Raw) -> str:
    """How kube-proxy works; empty when there is no kube-proxy. Its own default on Linux is iptables."""
    return (kube_proxy.get("mode") or "iptables") if kube_proxy else ""


def flag_values(pods: t.Iterable[objects.Raw], program: str, flag: str) -> t.Tuple[str, ...]:
    """A flag's comma-separated values in the command line of the pods that run ``program``."""
    values = [_flag(words, flag) for words in _command_lines(pods) if words and words[0].rsplit("/", 1)[-1] == program]
    return tuple(dict.fromkeys(part for value in values for part in _split(value)))


def config_document(config_map: t.Optional[objects.Raw], key: str) -> t.Dict[str, t.Any]:
    """The YAML document a ConfigMap holds under ``key``; empty when there is none."""
    text = ((config_map or {}).get("data") or {}).get(key, "")
    documents = manifests.load_documents(text, key)
    return documents[0] if documents and isinstance(documents[0], dict) else {}


def other_cnis(daemonsets: t.Iterable[objects.Raw]) -> t.Tuple[str, ...]:
    """Names of CNIs beside flannel and Calico whose DaemonSet is there, with the place."""
    return tuple(dict.fromkeys(name for daemonset in daemonsets for name in _foreign(daemonset)))


#: What has policies carried out beside a CNI that does not: by a part of its container's image.
_ENFORCERS = ("kube-network-policies",)
#: They connect pods to further networks, and carry out no policies.
_NO_ENFORCERS = ("Multus",)


def policy_profile(daemonsets: t.Iterable[objects.Raw]) -> str:
    """Who carries out policies, as the policy engine names it: calico, cilium, flannel (nobody does), generic (somebody else, or unknown).

    calico-node does it also where flannel connects the pods, and so do others beside flannel.
    """
    found = list(daemonsets)
    if calico.find_daemonset(found) is not None:
        return "calico"
    others = [name for name in other_cnis(found) if not name.startswith(_NO_ENFORCERS)]
    if any(name.startswith("Cilium") for name in others):
        return "cilium"
    images = [str(container.get("image", "")) for daemonset in found for container in objects.containers(daemonset)]
    enforced = others or any(part in image for image in images for part in _ENFORCERS)
    return "flannel" if flannel.candidates(found) and not enforced else "generic"


def _foreign(daemonset: objects.Raw) -> t.List[str]:
    place = "{namespace}/{name}".format(**objects.metadata(daemonset))
    images = [container.get("image", "") for container in objects.containers(daemonset)]
    return [f"{name} ({place})" for name, part in _OTHER_CNIS if any(part in image for image in images)]


def _command_lines(pods: t.Iterable[objects.Raw]) -> t.Iterator[t.List[str]]:
    for pod in pods:
        for container in (pod.get("spec") or {}).get("containers") or ():
            yield [str(word) for word in [*(container.get("command") or ()), *(container.get("args") or ())]]


def _flag(words: t.Sequence[str], flag: str) -> str:
    """The flag's last value, written as ``--flag=value`` or as two words: the last one counts."""
    found = ""
    for position, word in enumerate(words):
        if word.startswith(f"{flag}="):
            found = word[len(flag) + 1 :]
        elif word == flag and position + 1 < len(words):
            found = words[position + 1]
    return found


def _networking(kubeadm: objects.Raw) -> objects.Raw:
    return kubeadm.get("networking") or {}


def _split(value: t.Optional[str]) -> t.Tuple[str, ...]:
    return tuple(part.strip() for part in (value or "").split(",") if part.strip())
