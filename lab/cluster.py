# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kubernetes on the nodes by kubeadm, and what a control machine needs to reach it: kubeconfig and inventory."""

from __future__ import annotations

import concurrent.futures
import json
import secrets
import ssl
import string
import time
import typing as t
import urllib.error
import urllib.request

from lab import nodes
from lab.settings import KUBERNETES_VERSION, POD_NETWORK, REPOSITORY, SERVICE_NETWORK, LabError, Node, Settings

API_PORT = 6443
POD_RANGE_SECONDS = 60.0
_HEADER = (
    "# SPDX-" + "FileCopyrightText: 2026 The podnet.cni authors",
    "# SPDX-" + "License-Identifier: GPL-3.0-or-later",
)  # REUSE reads this file too
_ALPHABET = string.ascii_lowercase + string.digits


def create(settings: Settings) -> None:
    """Initialises the control plane, then joins the other nodes at once. The nodes stay NotReady until a CNI is installed."""
    control_plane, *workers = settings.nodes
    token = f"{_random(6)}.{_random(16)}"
    documents = _kubeadm_documents(control_plane, token)
    nodes.ssh(settings, control_plane, "kubeadm init --config /dev/stdin", stdin=documents)
    settings.kubeconfig.touch(mode=0o600)
    settings.kubeconfig.write_text(nodes.ssh(settings, control_plane, "cat /etc/kubernetes/admin.conf"))
    if workers:
        with concurrent.futures.ThreadPoolExecutor(len(workers)) as pool:
            list(pool.map(lambda node: join(settings, node, control_plane, token), workers))
    else:
        _kubectl(settings, control_plane, "taint nodes --all node-role.kubernetes.io/control-plane-")
    _wait_for_pod_ranges(settings, POD_RANGE_SECONDS)


def join(settings: Settings, node: Node, control_plane: Node, token: str) -> None:
    """Makes a node one of the cluster, as whoever has a bootstrap token can."""
    address = f"{control_plane.address}:{API_PORT}"
    nodes.ssh(
        settings,
        node,
        f"kubeadm join {address} --token {token} --discovery-token-unsafe-skip-ca-verification --ignore-preflight-errors=all",
    )


def _wait_for_pod_ranges(settings: Settings, seconds: float) -> None:
    """The controller manager gives each node its pod range a moment after the node is there; a CNI cannot start without."""
    _wait_until_none(lambda: _without_pod_range(settings), seconds, "have no pod range")


def _without_pod_range(settings: Settings) -> list[str]:
    items = json.loads(_kubectl(settings, settings.nodes[0], "get nodes -o json"))["items"]
    given = {item["metadata"]["name"] for item in items if item["spec"].get("podCIDR")}
    return [node.name for node in settings.nodes if node.name not in given]


def _wait_until_none(look: t.Callable[[], list[str]], seconds: float, complaint: str) -> None:
    """Looks again until nothing is named any more; what still is at the end is in the error."""
    deadline = time.monotonic() + seconds
    while named := look():
        if time.monotonic() > deadline:
            raise LabError(f"after {seconds:.0f} s these {complaint}: {', '.join(named)}.")
        time.sleep(0.5)  # between two looks


def write_inventory(settings: Settings) -> str:
    """Writes the Ansible inventory and returns its folder, relative to the repository.

    ``inventories/lab`` is for the default lab; another number of nodes goes to ``build/inventory`` and leaves it alone.
    """
    text = inventory(settings.nodes)
    committed = REPOSITORY / "inventories/lab"
    if (committed / "hosts.yml").read_text() == text:
        return "inventories/lab"
    folder = REPOSITORY / "build/inventory"
    (folder / "group_vars").mkdir(parents=True, exist_ok=True)
    (folder / "hosts.yml").write_text(text)
    (folder / "group_vars/all.yml").write_text((committed / "group_vars/all.yml").read_text())
    return "build/inventory"


def inventory(lab_nodes: t.Sequence[Node]) -> str:
    """The inventory of these nodes: kubespray's group names, addresses and nothing else."""
    lines = [
        *_HEADER,
        "---",
        "k8s_cluster:",
        "  children:",
        "    kube_control_plane:",
        "      hosts:",
    ]
    lines += [f"        {node.name}: {{ansible_host: {node.address}}}" for node in lab_nodes if node.control_plane]
    lines += ["    kube_node:", "      hosts:"]
    lines += [f"        {node.name}: {{ansible_host: {node.address}}}" for node in lab_nodes if not node.control_plane]
    return "\n".join(lines) + "\n"


def answers(settings: Settings) -> bool:
    """Whether the API server says it is ready."""
    address = settings.nodes[0].address
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # liveness only: no credential is sent and nothing that comes back is used
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(f"https://{address}:{API_PORT}/readyz", timeout=3) as response:
            return t.cast(int, response.status) == 200
    except (urllib.error.URLError, OSError):
        return False


def wait_until_ready(settings: Settings, seconds: float) -> None:
    """Waits until every node and every pod is Ready."""
    _wait_until_none(lambda: _not_ready(settings), seconds, "are not ready")


def _not_ready(settings: Settings) -> list[str]:
    items = json.loads(_kubectl(settings, settings.nodes[0], "get nodes,pods -A -o json"))["items"]
    return [f"{item['kind']} {item['metadata']['name']}" for item in items if not _is_ready(item)]


def _is_ready(item: t.Mapping[str, t.Any]) -> bool:
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in item["status"].get("conditions", []))


def _kubectl(settings: Settings, node: Node, arguments: str) -> str:
    return nodes.ssh(settings, node, f"KUBECONFIG=/etc/kubernetes/admin.conf kubectl {arguments}")


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _kubeadm_documents(node: Node, token: str) -> str:
    """kubeadm's configuration; the zeros are for a kernel on which nobody may raise limits or write conntrack's settings."""
    documents: tuple[dict[str, t.Any], ...] = (
        {
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "InitConfiguration",
            "localAPIEndpoint": {"advertiseAddress": node.address},
            "nodeRegistration": {"criSocket": "unix:///run/containerd/containerd.sock", "ignorePreflightErrors": ["all"]},
            "bootstrapTokens": [
                {
                    "token": token,
                    "ttl": "24h0m0s",
                    "usages": ["signing", "authentication"],
                    "groups": ["system:bootstrappers:kubeadm:default-node-token"],
                }
            ],
        },
        {
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "ClusterConfiguration",
            "kubernetesVersion": KUBERNETES_VERSION,
            "networking": {"podSubnet": POD_NETWORK, "serviceSubnet": SERVICE_NETWORK},
        },
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "cgroupDriver": "cgroupfs",
            "failSwapOn": False,
            "failCgroupV1": False,
            "oomScoreAdj": 0,
            "imageGCHighThresholdPercent": 100,
            "evictionHard": {"nodefs.available": "0%", "imagefs.available": "0%"},
        },
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "iptables",
            "oomScoreAdj": 0,
            "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        },
    )
    return "\n---\n".join(json.dumps(document) for document in documents)  # JSON is YAML
