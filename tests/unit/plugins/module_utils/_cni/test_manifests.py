# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import hashlib
import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import calico, flannel, manifests

Raw = dict[str, t.Any]

UPSTREAM = Path(__file__).parents[6] / "shared" / "upstream"
MTU_FROM_CONFIG = {"configMapKeyRef": {"name": "calico-config", "key": "veth_mtu"}}

FLANNEL = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: kube-flannel-cfg, namespace: kube-flannel}
data:
  cni-conf.json: '{"name": "cbr0"}'
  net-conf.json: |
    {
      "Network": "10.244.0.0/16",
      "EnableNFTables": false,
      "Backend": {
        "Type": "vxlan"
      }
    }
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: kube-flannel-ds, namespace: kube-flannel}
spec:
  template:
    spec:
      initContainers: [{name: plugin, image: "flannel-cni-plugin:v1"}, {name: conf, image: "flannel:v1"}]
      containers: [{name: kube-flannel, image: "flannel:v1", command: [/opt/bin/flanneld]}]
---
apiVersion: v1
kind: Namespace
metadata: {name: kube-flannel}
"""

CALICO = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: calico-config, namespace: kube-system}
data: {calico_backend: bird, veth_mtu: "0"}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: calico-node, namespace: kube-system}
spec:
  template:
    spec:
      initContainers: [{name: install-cni, image: "quay.io/calico/cni:v3"}]
      containers:
        - name: calico-node
          image: quay.io/calico/node:v3
          env:
            - {name: CLUSTER_TYPE, value: "k8s,bgp"}
            - {name: CALICO_IPV4POOL_IPIP, value: Always}
            - {name: CALICO_IPV4POOL_VXLAN, value: Never}
            - {name: FELIX_VXLANMTU, value: "1400"}
            - {name: LAST, value: x}
          livenessProbe: {exec: {command: [/bin/calico-node, -felix-live, -bird-live]}}
          readinessProbe: {exec: {command: [/bin/calico-node, -felix-ready, -bird-ready]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: calico-kube-controllers, namespace: kube-system}
spec: {template: {spec: {containers: [{name: c, image: "quay.io/calico/kube-controllers:v3"}, {name: d, image: "quay.io/calico/node:v3"}]}}}
"""


def resources(text: str) -> list[Raw]:
    return manifests.parse(text, "x.yml")


def kind(found: list[Raw], name: str) -> Raw:
    return next(item for item in found if item["kind"] == name)


def net_conf(found: list[Raw]) -> str:
    return kind(found, "ConfigMap")["data"]["net-conf.json"]


def calico_node(found: list[Raw]) -> Raw:
    daemonset = manifests.find_daemonset(found, "calico", "x")
    return next(item for item in daemonset["spec"]["template"]["spec"]["containers"] if calico.runs_calico_node(item))


def environment(found: list[Raw]) -> dict[str, t.Any]:
    return {item["name"]: item.get("value", item.get("valueFrom")) for item in calico_node(found)["env"]}


def calico_config(found: list[Raw]) -> Raw:
    return next(item["data"] for item in found if item["kind"] == "ConfigMap" and item["metadata"]["name"] == "calico-config")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1, 2\nb: 3\n", "invalid YAML in line 2"),
        ("a: b: c\n", "invalid YAML in line 1"),
        ("\tkey: tab\n", "invalid YAML in line 1"),
        ("a: \x00\n", "invalid YAML"),
        ("key: !python/object:os.system x\n", "invalid YAML in line 1"),
        ("", "no Kubernetes object"),
        ("---\n---\n# nothing\n", "no Kubernetes object"),
        ("just words\n", "document 1 is a str"),
        ("- a\n- b\n", "document 1 is a list"),
        ("kind: Pod\nmetadata: {name: x}\n", "document 1 is no Kubernetes object: apiVersion missing"),
        ("apiVersion: v1\nkind: Pod\n", "metadata.name missing"),
        ("apiVersion: v1\nkind: Pod\nmetadata: words\n", "metadata.name missing"),
        ("<html>\n<body>404</body>\n</html>\n", "document 1 is a str"),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n---\na: 1\n",
            "document 2 is no Kubernetes object: apiVersion, kind, metadata.name",
        ),
    ],
)
def test_what_is_no_manifest(text: str, words: str) -> None:
    with pytest.raises(_errors.BadInputError, match=words) as caught:
        manifests.parse(text, "https://example.com/x.yml")
    assert caught.value.where == "https://example.com/x.yml"


def test_lists_are_taken_apart() -> None:
    pods = "".join(f"- {{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}}}\n" for name in "ab")
    text = f"kind: List\napiVersion: v1\nitems:\n{pods}"
    assert [item["metadata"]["name"] for item in resources(text)] == ["a", "b"]


def test_dates_stay_text_as_they_do_in_kubernetes() -> None:
    (found,) = resources("apiVersion: v1\nkind: Pod\nmetadata: {name: x, annotations: {day: 2026-01-01, time: 2026-01-01T00:00:00Z}}\n")
    assert found["metadata"]["annotations"] == {"day": "2026-01-01", "time": "2026-01-01T00:00:00Z"}


CONTENT = b"content"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.parametrize("checksum", ["", f"sha256:{DIGEST}", f"sha256:{DIGEST.upper()}"])
def test_a_checksum_that_fits(checksum: str) -> None:
    assert manifests.verify_checksum(CONTENT, checksum, "x") == DIGEST


@pytest.mark.parametrize(
    ("checksum", "words"),
    [
        ("sha256:" + "0" * 64, ["mismatch", "0" * 64, DIGEST]),
        (DIGEST, ["is not sha256:"]),
        ("md5:" + "0" * 32, ["is not sha256:"]),
        ("sha256:short", ["is not sha256:"]),
    ],
)
def test_a_checksum_that_does_not(checksum: str, words: list[str]) -> None:
    with pytest.raises(_errors.BadInputError) as caught:
        manifests.verify_checksum(CONTENT, checksum, "x")
    assert [word for word in words if word not in str(caught.value)] == []


def test_apply_order_keeps_the_manifests_order_within_a_kind() -> None:
    names = ["DaemonSet/a", "Unknown/b", "ConfigMap/c", "Namespace/d", "CustomResourceDefinition/e", "ConfigMap/f", "Deployment/g"]
    shuffled = [{"kind": name.split("/")[0], "metadata": {"name": name.split("/")[1]}} for name in names]
    ordered = [item["metadata"]["name"] for item in manifests.in_apply_order(shuffled)]
    assert ordered == ["d", "e", "c", "f", "b", "g", "a"]


def test_images_once_and_in_order() -> None:
    assert manifests.images(resources(CALICO)) == ["quay.io/calico/cni:v3", "quay.io/calico/node:v3", "quay.io/calico/kube-controllers:v3"]
    assert manifests.images([{"kind": "Pod", "spec": {"containers": [{"image": "a"}, {"name": "none"}, "odd"]}}]) == ["a"]


@pytest.mark.parametrize(("text", "cni"), [(FLANNEL, "calico"), (CALICO, "flannel")])
def test_a_manifest_of_another_cni(text: str, cni: str) -> None:
    with pytest.raises(_errors.BadInputError, match=f"no DaemonSet in it runs {cni} .DaemonSets: (kube-flannel-ds|calico-node)"):
        manifests.find_daemonset(resources(text), cni, "x")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (manifests.FlannelSettings(), {"Network": "10.244.0.0/16", "EnableNFTables": False, "Backend": {"Type": "vxlan"}}),
        (
            manifests.FlannelSettings("10.10.0.0/16"),
            {"Network": "10.10.0.0/16", "EnableNFTables": False, "Backend": {"Type": "vxlan"}},
        ),
        (
            manifests.FlannelSettings(backend={"Port": 8475, "Type": "vxlan", "VNI": 7}),
            {"Network": "10.244.0.0/16", "EnableNFTables": False, "Backend": {"Type": "vxlan", "Port": 8475, "VNI": 7}},
        ),
        (
            manifests.FlannelSettings(backend={"DirectRouting": True}),
            {"Network": "10.244.0.0/16", "EnableNFTables": False, "Backend": {"Type": "vxlan", "DirectRouting": True}},
        ),
        (
            manifests.FlannelSettings("10.10.0.0/16", {"Type": "host-gw"}),
            {"Network": "10.10.0.0/16", "EnableNFTables": False, "Backend": {"Type": "host-gw"}},
        ),
    ],
)
def test_flannel(settings: manifests.FlannelSettings, expected: Raw) -> None:
    before = resources(FLANNEL)
    after = manifests.patch_flannel(before, settings, "x")
    # The text, so that the order of keys counts.
    assert net_conf(after) == json.dumps(expected, indent=2) + "\n"
    assert before == resources(FLANNEL)
    after[0]["data"]["net-conf.json"] = before[0]["data"]["net-conf.json"]
    assert after == before


@pytest.mark.parametrize(
    ("net_conf_text", "backend"),
    [
        ('{"Network": "10.1.0.0/16"}', {"Type": "vxlan"}),
        ('{"Network": "10.1.0.0/16", "Backend": {"Port": 1}}', {"Type": "vxlan", "Port": 1}),
        ('{"Network": "10.1.0.0/16", "Backend": {"Port": 1, "Type": "udp"}}', {"Type": "udp", "Port": 1}),
    ],
)
def test_flannels_type_is_always_written(net_conf_text: str, backend: Raw) -> None:
    before = resources(FLANNEL)
    kind(before, "ConfigMap")["data"]["net-conf.json"] = net_conf_text
    after = manifests.patch_flannel(before, manifests.FlannelSettings(), "x")
    assert json.loads(net_conf(after))["Backend"] == backend


@pytest.mark.parametrize(("backend", "privileged"), [("udp", True), ("vxlan", None), ("host-gw", None)])
def test_only_backend_udp_needs_a_privileged_flanneld(backend: str, privileged: bool | None) -> None:
    after = manifests.patch_flannel(resources(FLANNEL), manifests.FlannelSettings(backend={"Type": backend}), "x")
    pod = kind(after, "DaemonSet")["spec"]["template"]["spec"]
    assert [(container.get("securityContext") or {}).get("privileged") for container in pod["containers"]] == [privileged]


@pytest.mark.parametrize(
    ("old", "new", "words"), [("net-conf.json", "other.json", "no ConfigMap in it holds"), ('"Network"', "Network", "is not a JSON")]
)
def test_flannel_without_a_usable_net_conf(old: str, new: str, words: str) -> None:
    with pytest.raises(_errors.BadInputError, match=words):
        manifests.patch_flannel(resources(FLANNEL.replace(old, new)), manifests.FlannelSettings("10.1.0.0/16"), "x")


class Mode(t.NamedTuple):
    """What an encapsulation must become."""

    encapsulation: str
    backend: str
    ipip: str
    vxlan: str
    cluster_type: str
    bird: bool


MODES = [
    Mode("vxlan", "vxlan", "Never", "Always", "k8s", False),
    Mode("vxlan_cross_subnet", "vxlan", "Never", "CrossSubnet", "k8s", False),
    Mode("ipip", "bird", "Always", "Never", "k8s,bgp", True),
    Mode("none", "bird", "Never", "Never", "k8s,bgp", True),
]
every_mode = pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.encapsulation)


def test_every_encapsulation_is_tested() -> None:
    assert [mode.encapsulation for mode in MODES] == list(manifests.ENCAPSULATIONS)


@every_mode
@pytest.mark.parametrize("probes", [["-bird-live", "-bird-ready"], ["", ""]], ids=["with probes", "without"])
def test_calico_encapsulations(mode: Mode, probes: list[str]) -> None:
    text = CALICO if probes[0] else CALICO.replace(", -bird-live", "").replace(", -bird-ready", "")
    after = manifests.patch_calico(resources(text), manifests.CalicoSettings("10.244.0.0/16", mode.encapsulation), "x")
    assert calico_config(after) == {"calico_backend": mode.backend, "veth_mtu": "0"}
    assert environment(after) == {
        "CLUSTER_TYPE": mode.cluster_type,
        "CALICO_IPV4POOL_IPIP": mode.ipip,
        "CALICO_IPV4POOL_VXLAN": mode.vxlan,
        "FELIX_VXLANMTU": "1400",
        "LAST": "x",
        "CALICO_IPV4POOL_CIDR": "10.244.0.0/16",
    }
    node = calico_node(after)
    assert node["livenessProbe"]["exec"]["command"] == ["/bin/calico-node", "-felix-live", *["-bird-live"] * mode.bird]
    assert node["readinessProbe"]["exec"]["command"] == ["/bin/calico-node", "-felix-ready", *["-bird-ready"] * mode.bird]


def test_calico_settings_that_are_left_to_it() -> None:
    after = environment(manifests.patch_calico(resources(CALICO), manifests.CalicoSettings(), "x"))
    assert "CALICO_IPV4POOL_CIDR" not in after
    assert "IP_AUTODETECTION_METHOD" not in after


def test_calicos_mtu_comes_from_its_config_map() -> None:
    settings = manifests.CalicoSettings(mtu=1450, ip_autodetection_method="kubernetes-internal-ip")
    after = manifests.patch_calico(resources(CALICO), settings, "x")
    assert calico_config(after)["veth_mtu"] == "1450"
    seen = environment(after)
    assert [seen[name] for name in ("FELIX_IPINIPMTU", "FELIX_VXLANMTU", "FELIX_WIREGUARDMTU")] == [MTU_FROM_CONFIG] * 3
    assert seen["IP_AUTODETECTION_METHOD"] == "kubernetes-internal-ip"


def test_calicos_probes_of_another_kind_stay() -> None:
    before = resources(CALICO)
    calico_node(before)["livenessProbe"] = {"httpGet": {"port": 9099}}
    assert calico_node(manifests.patch_calico(before, manifests.CalicoSettings(), "x"))["livenessProbe"] == {"httpGet": {"port": 9099}}


def test_calico_without_its_config_map() -> None:
    with pytest.raises(_errors.BadInputError, match="no ConfigMap calico-config"):
        manifests.patch_calico(resources(CALICO.replace("calico-config", "other")), manifests.CalicoSettings(), "x")


def test_patching_twice_changes_nothing_more() -> None:
    settings = manifests.CalicoSettings("10.244.0.0/16", "vxlan", 1450, "kubernetes-internal-ip")
    once = manifests.patch_calico(resources(CALICO), settings, "x")
    assert manifests.patch_calico(once, settings, "x") == once


def upstream(pattern: str) -> t.Any:
    """A parameter for each of upstream's real manifests; where they are not, one test that says so and is skipped."""
    skipped = pytest.param(None, marks=pytest.mark.skip(reason=f"upstream's manifests are not in {UPSTREAM.name}/ beside the checkout"))
    return pytest.mark.parametrize("path", sorted(UPSTREAM.glob(pattern)) or [skipped], ids=lambda path: path.name if path else "absent")


@upstream("flannel/*.yml")
def test_upstreams_flannel(path: Path) -> None:
    before = manifests.parse(path.read_text(), path.name)
    after = manifests.patch_flannel(before, manifests.FlannelSettings("10.10.0.0/16", {"Type": "host-gw"}), path.name)
    changed = [item for item, other in zip(after, before, strict=True) if item != other]
    assert [item["kind"] for item in changed] == ["ConfigMap"]
    conf = json.loads(net_conf(after))
    assert (conf["Network"], conf["Backend"]) == ("10.10.0.0/16", {"Type": "host-gw"})
    assert list(conf) == list(json.loads(net_conf(before)))
    assert [image.split("/")[-1].split(":")[0].split("-flannelcni-")[-1] for image in manifests.images(after)] == [
        "flannel-cni-plugin",
        "flannel",
    ]
    assert manifests.in_apply_order(after)[0]["kind"] == "Namespace"
    assert manifests.in_apply_order(after)[-1]["kind"] == "DaemonSet"


@upstream("flannel/*.yml")
def test_upstreams_flannel_is_found_in_a_cluster(path: Path) -> None:
    items = manifests.parse(path.read_text(), path.name)
    of_kind = {name: [item for item in items if item["kind"] == name] for name in ("DaemonSet", "ClusterRole", "ClusterRoleBinding")}
    config_maps = {(item["metadata"]["namespace"], item["metadata"]["name"]): item for item in items if item["kind"] == "ConfigMap"}
    around = flannel.Surroundings(config_maps, of_kind["ClusterRoleBinding"], of_kind["ClusterRole"])
    (found,) = flannel.discover(of_kind["DaemonSet"], around)
    assert (found.network, found.backend) == ("10.244.0.0/16", "vxlan")
    # Nothing of the manifest would be left behind.
    assert {(item.kind, item.name) for item in found.objects} == {(item["kind"], item["metadata"]["name"]) for item in items}


@upstream("calico/*.yaml")
@every_mode
def test_upstreams_calico(path: Path, mode: Mode) -> None:
    before = manifests.parse(path.read_text(), path.name)
    pristine = copy.deepcopy(before)
    settings = manifests.CalicoSettings("10.244.0.0/16", mode.encapsulation, 1400, "kubernetes-internal-ip")
    after = manifests.patch_calico(before, settings, path.name)
    assert before == pristine
    assert {item["kind"] for item, other in zip(after, before, strict=True) if item != other} == {"ConfigMap", "DaemonSet"}
    assert calico_config(after)["calico_backend"] == mode.backend
    assert calico_config(after)["veth_mtu"] == "1400"
    seen = environment(after)
    assert (seen["CALICO_IPV4POOL_IPIP"], seen["CALICO_IPV4POOL_VXLAN"], seen["CLUSTER_TYPE"]) == (mode.ipip, mode.vxlan, mode.cluster_type)
    assert (seen["CALICO_IPV4POOL_CIDR"], seen["IP_AUTODETECTION_METHOD"]) == ("10.244.0.0/16", "kubernetes-internal-ip")
    assert seen["FELIX_VXLANMTU"] == MTU_FROM_CONFIG
    assert ("-bird-live" in calico_node(after)["livenessProbe"]["exec"]["command"]) is mode.bird
    assert len(manifests.images(after)) == 3
