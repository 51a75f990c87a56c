# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import gzip
import io
import json
import tarfile
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import bundle, cluster, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._errors import BadInputError

FLANNEL = cluster.Flannel(
    cluster.ObjectRef("apps/v1", "DaemonSet", "kube-flannel-ds", "kube-flannel"),
    image="flannel:v0.26.7",
    net_conf='{"Network": "10.244.0.0/16", "Backend": {"Type": "wireguard", "PSK": "bm90IGZvciB5b3U="}}',
)
SEEN = cluster.ClusterSnapshot(
    "v1.33.13", (cluster.Node("n1", kubelet_version="v1.33.13", runtime="containerd://1.7"),), flannel=(FLANNEL,)
)
NODE = snapshot.to_dict(snapshot.NodeSnapshot("n1", kernel="6.1.0"))
JOURNAL = {"source": "flannel", "phase": "cleaning", "network": "10.244.0.0/16", "flannel.yaml": "kind: Secret\ndata: {a: b}\n"}
FULL = bundle.Contents(
    cluster=cluster.to_dict(SEEN),
    snapshots={"n1": NODE, "a/b": NODE, "a_b": NODE},
    hosts=("n1", "n2", "a/b", "a_b"),
    journal=JOURNAL,
    preflight={"checks": [], "state": "flannel", "summary": ["0 passed"], "invocation": {"module_args": {}}, "changed": False},
    tools={"ansible-core": "2.19.0"},
    problems=("n2: no answer",),
    captured="2026-11-24T12:00:00Z",
)


def members(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
        return {member.name: t.cast("t.IO[bytes]", tar.extractfile(member)).read() for member in tar}


def archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def changed(name: str, content: bytes | None) -> bytes:
    """A good archive with one file replaced, or taken out."""
    files = members(bundle.pack(FULL))
    files.pop(f"podnet-cni-bundle/{name}", None)
    return archive({**files, **({f"podnet-cni-bundle/{name}": content} if content is not None else {})})


def test_the_way_there_and_back() -> None:
    found = bundle.unpack(bundle.pack(FULL), "x")
    assert set(found.snapshots) == {"n1", "a/b", "a_b"}
    assert all(snapshot.from_dict(item) == snapshot.from_dict(NODE) for item in found.snapshots.values())
    assert cluster.from_dict(found.cluster).version == "v1.33.13"
    assert (found.hosts, found.captured) == (FULL.hosts, FULL.captured)
    assert {key: found.journal[key] for key in ("source", "phase", "network")} == {
        "source": "flannel",
        "phase": "cleaning",
        "network": "10.244.0.0/16",
    }


def test_what_is_in_it() -> None:
    files = members(bundle.pack(FULL))
    assert sorted(files) == bundle.names(FULL)
    assert [name.partition("/")[2] for name in bundle.names(FULL)] == [
        "cluster.json",
        "journal.json",
        "manifest.json",
        "net-conf/0.json",
        "nodes/0000-a_b.json",
        "nodes/0001-a_b.json",
        "nodes/0002-n1.json",
        "preflight.json",
        "preflight.txt",
        "versions.json",
    ]
    manifest = json.loads(files["podnet-cni-bundle/manifest.json"])
    assert manifest["hosts without a snapshot"] == ["n2"]
    assert manifest["problems"] == ["n2: no answer"]
    assert [entry["path"] for entry in manifest["files"]] == [
        name.partition("/")[2] for name in bundle.names(FULL) if not name.endswith("manifest.json")
    ]
    assert json.loads(files["podnet-cni-bundle/preflight.json"]) == {"checks": [], "state": "flannel"}
    assert json.loads(files["podnet-cni-bundle/versions.json"]) == {
        "tools": {"ansible-core": "2.19.0"},
        "kubernetes": "v1.33.13",
        "cni images": ["flannel:v0.26.7"],
        "kubelets": {"n1": "v1.33.13"},
        "runtimes": {"n1": "containerd://1.7"},
        "kernels": {"a/b": "6.1.0", "a_b": "6.1.0", "n1": "6.1.0"},
    }


def test_no_secret_is_in_it() -> None:
    secret = "-".join(["not", "for", "you"])
    pod = cluster.Pod("a", "p", labels={"password": secret})
    rule = snapshot.Chain("nft", 4, "filter", "INPUT", rules=(snapshot.Rule(f'--comment "token: {secret}" -j ACCEPT'),))
    contents = dataclasses.replace(
        FULL,
        cluster=cluster.to_dict(dataclasses.replace(SEEN, pods=(pod,))),
        snapshots={"n1": snapshot.to_dict(snapshot.NodeSnapshot("n1", chains=(rule,), subnet_env={"FLANNEL_PSK": secret}))},
        journal={**JOURNAL, "objects": json.dumps([{"token": secret}]), "flannel.yaml": f"PSK: {secret}"},
        preflight={"checks": [{"seen": f"password={secret}"}], "summary": [f"Bearer {secret}"]},
        problems=(f"https://user:{secret}@registry.example refused",),
    )
    everything = b"".join(members(bundle.pack(contents)).values())
    assert secret.encode() not in everything
    assert b"bm90IGZvciB5b3U=" not in everything
    assert everything.count(b"(hidden)") >= 7


def test_the_same_content_makes_the_same_bytes() -> None:
    turned = dataclasses.replace(FULL, snapshots=dict(reversed(FULL.snapshots.items())), journal=dict(reversed(JOURNAL.items())))
    assert bundle.pack(turned) == bundle.pack(FULL)
    assert bundle.pack(dataclasses.replace(FULL, captured="later")) != bundle.pack(FULL)


def test_a_bundle_without_a_cluster_says_so_when_it_is_to_be_judged() -> None:
    lone = bundle.Contents(cluster={}, snapshots={"n1": NODE}, preflight={"skipped": True}, problems=("cluster: no answer",))
    assert [name.partition("/")[2] for name in bundle.names(lone)] == ["manifest.json", "nodes/0000-n1.json", "versions.json"]
    with pytest.raises(BadInputError, match=r"bundle /x: it holds no cluster, as the API server was not read \(cluster: no answer\)"):
        bundle.unpack(bundle.pack(lone), "/x")


def manifest_with(**changes: t.Any) -> bytes:
    manifest = json.loads(members(bundle.pack(FULL))["podnet-cni-bundle/manifest.json"])
    return json.dumps({**manifest, **changes}).encode()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", "no whole tar.gz", id="empty"),
        pytest.param(b"words", "no whole tar.gz", id="text"),
        pytest.param(gzip.compress(b"words"), "no whole tar.gz", id="no tar"),
        pytest.param(bundle.pack(FULL)[:-400], "no whole tar.gz", id="cut"),
        pytest.param(archive({"etc/passwd": b"x"}), "manifest.json is not in it", id="another archive"),
        pytest.param(changed("manifest.json", b"{"), "manifest.json is not in it, or is no JSON", id="no JSON"),
        pytest.param(changed("manifest.json", b"[]"), "manifest.json holds no object", id="a list"),
        pytest.param(changed("manifest.json", manifest_with(version=2)), "of version 2, not", id="a later version"),
        pytest.param(changed("manifest.json", manifest_with(format="x")), "'x' of version 1", id="another format"),
        pytest.param(changed("cluster.json", b"{}"), "cluster.json is not what its manifest says", id="changed"),
        pytest.param(changed("nodes/0002-n1.json", None), "nodes/0002-n1.json is not what its manifest says", id="taken out"),
    ],
)
def test_what_is_no_bundle(data: bytes, words: str) -> None:
    with pytest.raises(BadInputError, match=words) as caught:
        bundle.unpack(data, "/x.tar.gz")
    assert caught.value.where == "bundle /x.tar.gz"
    assert "capture_bundle.yml" in caught.value.next_step


def test_an_archive_that_grows_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "_LIMIT", 1 << 20)
    with pytest.raises(BadInputError, match="larger than 1 MiB"):
        bundle.unpack(archive({"podnet-cni-bundle/manifest.json": b"\0" * (2 << 20)}), "x")


def test_links_in_an_archive_are_not_followed() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        link = tarfile.TarInfo("podnet-cni-bundle/manifest.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(BadInputError, match=r"manifest\.json is not in it"):
        bundle.unpack(buffer.getvalue(), "x")


def test_a_listing_for_people() -> None:
    lines = bundle.listing(bundle.pack(FULL), "x")
    assert [line.split()[0] for line in lines] == sorted(name.partition("/")[2] for name in bundle.names(FULL))
