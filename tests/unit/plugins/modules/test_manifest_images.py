# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import threading
import types
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.modules import manifest_images

HOME = "harbor.local/mirror"
POD = "# a pod\nkind: Pod\nspec:\n  containers:\n  - name: é\n    image: 'q.io/a:1'\n"
DONE = POD.replace("q.io", f"{HOME}/q.io")
OTHER = "kind: Pod\r\nspec: {containers: [{image: busybox}]}"
OTHER_DONE = OTHER.replace("busybox", f"{HOME}/docker.io/library/busybox:latest")
REWRITE: dict[str, t.Any] = {"state": "rewritten", "registry": "harbor.local", "project": "mirror"}
DIGEST = "sha256:" + "ab" * 32


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> t.Callable[..., dict[str, t.Any]]:
    def call(**options: t.Any) -> dict[str, t.Any]:
        with patch_module_args(options), pytest.raises(SystemExit):
            manifest_images.main()
        result: dict[str, t.Any] = json.loads(capfd.readouterr().out)
        return result

    return call


Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two manifests, one of them deeper, and files that are none."""
    where = tmp_path / "manifests"
    (where / "deeper").mkdir(parents=True)
    write(where / "pod.yaml", POD)
    write(where / "deeper" / "other.json", OTHER)
    write(where / "notes.txt", "image: q.io/no:1\n\tx")
    return where


def write(path: Path, text: str) -> None:
    path.write_bytes(text.encode())


def read(path: Path) -> str:
    return path.read_bytes().decode()


def test_listed(run: Run, folder: Path) -> None:
    result = run(sources=[str(folder)])
    assert result["changed"] is False
    assert result["images"] == [
        {
            "source": "q.io/a:1",
            "target": "",
            "places": [{"file": str(folder / "pod.yaml"), "document": 1, "path": "spec.containers[0].image", "line": 6, "via": "pod"}],
        },
        {
            "source": "docker.io/library/busybox:latest",
            "target": "",
            "places": [
                {"file": str(folder / "deeper/other.json"), "document": 1, "path": "spec.containers[0].image", "line": 2, "via": "pod"}
            ],
        },
    ]
    assert result["left_alone"] == result["registries"] == result["files"] == []
    assert "content" not in result


def test_listed_with_targets(run: Run, folder: Path) -> None:
    result = run(sources=[str(folder)], registry="harbor.local", project="mirror")
    assert [image["target"] for image in result["images"]] == [f"{HOME}/q.io/a:1", f"{HOME}/docker.io/library/busybox:latest"]
    assert read(folder / "pod.yaml") == POD


@pytest.mark.parametrize("check_mode", [False, True])
def test_rewritten_in_place(run: Run, folder: Path, check_mode: bool) -> None:
    (folder / "pod.yaml").chmod(0o640)
    result = run(**REWRITE, sources=[str(folder)], _ansible_check_mode=check_mode)
    assert result["changed"] is True
    assert result["files"] == [str(folder / "pod.yaml"), str(folder / "deeper/other.json")]
    assert result["diff"][0] == {
        "before_header": str(folder / "pod.yaml"),
        "after_header": str(folder / "pod.yaml"),
        "before": "6: q.io/a:1\n",
        "after": f"6: {HOME}/q.io/a:1\n",
    }
    assert read(folder / "pod.yaml") == (POD if check_mode else DONE)
    assert read(folder / "deeper" / "other.json") == (OTHER if check_mode else OTHER_DONE)
    assert (folder / "pod.yaml").stat().st_mode & 0o777 == 0o640
    assert result["backups"] == []
    if not check_mode:
        again = run(**REWRITE, sources=[str(folder)])
        assert (again["changed"], again["files"], again["diff"]) == (False, [], [])


def test_a_backup(run: Run, folder: Path) -> None:
    result = run(**REWRITE, sources=[str(folder)], backup=True)
    assert [read(Path(path)) for path in result["backups"]] == [POD, OTHER]
    assert all(path.endswith("~") for path in result["backups"])
    assert run(**REWRITE, sources=[str(folder)], backup=True)["backups"] == []


def test_one_bad_file_keeps_all_others_as_they_are(run: Run, folder: Path) -> None:
    write(folder / "zz.yml", "a: 1\n---\nb: 1\nb: 2\n")
    result = run(**REWRITE, sources=[str(folder)])
    assert result["failed"] is True
    assert result["msg"].startswith(f"{folder / 'zz.yml'}, document 2, line 4: the key 'b' is there twice in one mapping.")
    assert read(folder / "pod.yaml") == POD
    assert sorted(path.name for path in folder.iterdir()) == ["deeper", "notes.txt", "pod.yaml", "zz.yml"]


def test_two_images_with_one_target_in_two_files(run: Run, folder: Path) -> None:
    result = run(**REWRITE, sources=[str(folder)], overrides={"q.io": "x", "docker.io/library/busybox": "x/a"})
    assert "failed" not in result
    write(folder / "deeper" / "other.json", OTHER.replace("busybox", "busybox:1"))
    write(folder / "pod.yaml", POD)
    result = run(**REWRITE, sources=[str(folder)], overrides={"q.io": "x", "docker.io/library/busybox": "x/a"})
    assert "would both be harbor.local/x/a:1" in result["msg"]
    assert str(folder / "pod.yaml") in result["msg"]
    assert str(folder / "deeper" / "other.json") in result["msg"]


@pytest.mark.parametrize(
    ("dest", "expected"),
    [("out", {"out": DONE}), ("out/", {"out/pod.yaml": DONE}), ("there", {"there/pod.yaml": DONE}), ("a/b.yml", {"a/b.yml": DONE})],
)
def test_the_destination_of_one_file(run: Run, folder: Path, tmp_path: Path, dest: str, expected: dict[str, str]) -> None:
    (tmp_path / "there").mkdir()
    wish = f"{tmp_path}/{dest}"
    result = run(**REWRITE, sources=[str(folder / "pod.yaml")], dest=wish)
    assert result["content"] == DONE
    assert result["files"] == [str(tmp_path / path) for path in expected]
    assert {path: read(tmp_path / path) for path in expected} == expected
    assert read(folder / "pod.yaml") == POD
    assert run(**REWRITE, sources=[str(folder / "pod.yaml")], dest=wish)["changed"] is False


def test_the_destination_of_a_folder(run: Run, folder: Path, tmp_path: Path) -> None:
    dest = tmp_path / "out"
    result = run(**REWRITE, sources=[str(folder)], dest=str(dest))
    assert result["changed"] is True
    assert "content" not in result
    assert (read(dest / "pod.yaml"), read(dest / "deeper" / "other.json")) == (DONE, OTHER_DONE)
    assert read(folder / "pod.yaml") == POD


def test_two_files_for_one_destination(run: Run, folder: Path, tmp_path: Path) -> None:
    write(folder / "deeper" / "pod.yaml", POD)
    result = run(**REWRITE, sources=[str(folder / "pod.yaml"), str(folder / "deeper/pod.yaml")], dest=str(tmp_path / "out"))
    assert "two sources would be written there" in result["msg"]
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_named_twice_is_one(run: Run, folder: Path) -> None:
    result = run(**REWRITE, sources=[str(folder), str(folder / "pod.yaml")])
    assert len(result["files"]) == 2


def test_a_link_stays_one(run: Run, folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.yaml"
    link.symlink_to(folder / "pod.yaml")
    assert run(**REWRITE, sources=[str(link)])["files"] == [str(folder / "pod.yaml")]
    assert link.is_symlink()
    assert read(folder / "pod.yaml") == DONE


def test_content(run: Run, tmp_path: Path) -> None:
    result = run(**REWRITE, content=POD)
    assert (result["changed"], result["content"], result["files"]) == (False, DONE, [])
    result = run(**REWRITE, content=POD, dest=str(tmp_path / "x.yaml"))
    assert result["changed"] is True
    assert read(tmp_path / "x.yaml") == DONE
    assert (tmp_path / "x.yaml").stat().st_mode & 0o777 == 0o644


def test_a_lock_file(run: Run, tmp_path: Path) -> None:
    lock = tmp_path / "lock.yml"
    lock.write_text(f"version: 1\nimages:\n  - {{source: 'q.io/a:1', digest: '{DIGEST}', target: '{HOME}/q.io/a:1'}}\n")
    result = run(**REWRITE, content=POD, lock_file=str(lock))
    assert result["content"] == POD.replace("q.io/a:1", f"{HOME}/q.io/a:1@{DIGEST}")
    assert result["images"][0]["target"] == f"{HOME}/q.io/a:1@{DIGEST}"
    assert "does not have docker.io/library/busybox" in run(**REWRITE, content=OTHER, lock_file=str(lock))["msg"]
    lock.write_text("x")
    assert run(**REWRITE, content=POD, lock_file=str(lock))["msg"].startswith(f"{lock}: this is no lock file")


def test_rules_and_texts(run: Run) -> None:
    content = 'kind: Thing\nspec: {image: q.io/a:1}\n---\nkind: ConfigMap\ndata: {x: "q.io/b:1"}\n'
    result = run(**REWRITE, content=content)
    assert [(item["value"], item["file"], item["document"], item["line"]) for item in result["left_alone"]] == [
        ("q.io/a:1", "content", 1, 2),
        ("q.io/b:1", "content", 2, 5),
    ]
    result = run(**REWRITE, content=content, rules=[{"kind": "Thing", "path": "spec.image"}], also=["config_maps"])
    assert result["left_alone"] == []
    assert result["content"] == content.replace("q.io", f"{HOME}/q.io")
    assert "is no path to an image" in run(content=content, rules=[{"kind": "Thing", "path": "."}])["msg"]


def test_an_alias_elsewhere_is_warned_of() -> None:
    warnings: list[str] = []
    params = {name: option.get("default") for name, option in manifest_images.argument_spec().items()}
    params["content"] = "kind: Pod\nmetadata: {labels: {a: &a q.io/a}}\nspec: {containers: [{image: *a}]}\n"
    manifest_images.act(types.SimpleNamespace(params=params, check_mode=False, no_log_values=set(), warn=warnings.append))
    assert warnings == ["content, document 1, line 2: metadata.labels.a is the text of an image by its anchor"]


def test_an_installation(run: Run) -> None:
    result = run(**REWRITE, content="apiVersion: operator.tigera.io/v1\nkind: Installation\nspec:\n  a: b\n", operator_host="docker.io")
    assert result["content"].endswith(f"spec:\n  registry: {HOME}/docker.io/\n  a: b\n")
    assert result["registries"] == [
        {
            "source": "",
            "target": f"{HOME}/docker.io/",
            "place": {"file": "content", "document": 1, "path": "spec.registry", "line": 4, "via": "installation"},
        }
    ]


def test_a_secret_is_not_shown(run: Run) -> None:
    content = 'kind: Secret\nstringData: {x: \'{"image": "q.io/a:1", "password": "hush"}\', y: "hush q.io/b:1"}\n'
    result = run(**REWRITE, content=content, also=["secrets"], _ansible_diff=True)
    assert "hush" in result.pop("content")
    result.pop("invocation", None)  # not every release of ansible-core returns it
    assert [item["value"] for item in result["left_alone"]] == ["q.io/b:1"]
    assert "hush" not in json.dumps(result)


# --- URLs ---


@pytest.fixture
def url(folder: Path) -> t.Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_words: object) -> None:
            """Tests are quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/pod.yaml"
    server.shutdown()
    server.server_close()


def test_a_url(run: Run, url: str, tmp_path: Path) -> None:
    checksum = "sha256:" + hashlib.sha256(POD.encode()).hexdigest()
    result = run(**REWRITE, sources=[url], checksums={url: checksum}, dest=f"{tmp_path}/out/")
    assert result["images"][0]["places"][0]["file"] == url
    assert read(tmp_path / "out" / "pod.yaml") == DONE
    result = run(**REWRITE, sources=[url])
    assert (result["changed"], result["content"]) == (False, DONE)


def test_the_password_of_a_url_is_not_shown(run: Run, url: str) -> None:
    source = url.replace("http://", "http://someone:pa%24word@")
    result = run(sources=[source])
    assert result["images"][0]["places"][0]["file"] == url
    failed = run(sources=[source + "x"])
    assert "cannot be fetched: HTTP Error 404" in failed["msg"]
    assert "pa%24word" not in json.dumps([result["images"], failed])


# --- Bad input ---


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "one of the following is required: sources, content"),
        ({"content": POD, "sources": ["x"]}, "mutually exclusive"),
        ({"content": POD, "state": "rewritten"}, "registry, project"),
        ({"content": POD, "registry": "harbor.local"}, "required together"),
        ({"content": POD, "registry": "https://x", "project": "p"}, "'https://x' is no host of a registry"),
        ({"content": POD, "registry": "h.x", "project": "P"}, "'P' is no path on a registry"),
        ({"content": "\tx"}, "content, document 1, line 1: this is no YAML"),
        ({"sources": []}, "there is no source"),
        ({"sources": ["http://[bad/x"]}, "the manifest cannot be fetched"),
        ({"content": POD, "registry": "h.x", "project": "p", "overrides": {5: "x"}}, "'5' is no host of a registry"),
        ({"sources": ["absent.yaml"]}, "absent.yaml: the manifest cannot be read: No such file"),
        ({"sources": ["a.yaml"], "checksums": {"b.yaml": "sha256:0"}}, "b.yaml is none of the sources"),
        ({"content": POD, "registry": "h.x", "project": "p", "lock_file": "absent.lock"}, "absent.lock: "),
    ],
)
def test_bad_options(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, t.Any], words: str) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(**options)
    assert result["failed"] is True
    assert words in result["msg"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a: 1\n\xff\xfe\x00", "this is no text: invalid start byte at byte 5, in line 2"),
        (b"\x89PNG\r\n\x1a\n\x00", "this is no text"),
        (b"a: \x00", "line 1: this is no text"),
    ],
)
def test_what_is_no_text(run: Run, folder: Path, content: bytes, words: str) -> None:
    (folder / "x.yaml").write_bytes(content)
    result = run(**REWRITE, sources=[str(folder)])
    assert words in result["msg"]
    assert str(folder / "x.yaml") in result["msg"]
    assert read(folder / "pod.yaml") == POD


def test_a_wrong_checksum(run: Run, folder: Path) -> None:
    source = str(folder / "pod.yaml")
    assert "checksum mismatch" in run(**REWRITE, sources=[source], checksums={source: "sha256:" + "0" * 64})["msg"]
    assert read(folder / "pod.yaml") == POD


def test_a_folder_without_manifests(run: Run, tmp_path: Path) -> None:
    assert "there is no manifest in it (.yaml, .yml, .json)" in run(sources=[str(tmp_path)])["msg"]


def test_a_destination_that_cannot_be(run: Run, folder: Path) -> None:
    result = run(**REWRITE, sources=[str(folder / "pod.yaml")], dest=str(folder / "notes.txt" / "x.yaml"))
    assert result["failed"] is True
    assert str(folder / "notes.txt") in result["msg"]
