# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._images import finding, places, rewriting

ALL = frozenset(places.OPTIONAL)
SHA256 = "sha256:" + "ab" * 32


def find(text: str, also: t.Iterable[str] = (), rules: t.Iterable[dict[str, str]] = ()) -> finding.Findings:
    return finding.find(text, rewriting.wanted_of(rules, also), "app.yaml")


def images(found: finding.Findings) -> list[tuple[str, str, str]]:
    """(path, via, image), each place of each."""
    return [(place.path, place.via, str(image.source)) for image in found.images for place in image.places]


def left(found: finding.Findings) -> list[tuple[str, str]]:
    return [(item.path, item.value) for item in found.left_alone]


POD_SPEC = """\
containers: [{name: a, image: "q.io/a:1"}]
initContainers: [{name: b, image: "q.io/b:1"}]
ephemeralContainers: [{name: c, image: "q.io/c:1"}]
volumes: [{name: v, image: {reference: "q.io/v:1", pullPolicy: Always}}, {name: w, emptyDir: {}}]
"""
POD_PATHS = ["containers[0].image", "initContainers[0].image", "ephemeralContainers[0].image", "volumes[0].image.reference"]


def nested(way: str, text: str) -> str:
    """The text below the keys of the way."""
    for key in reversed(way.split(".")):
        text = f"{key}:\n" + "".join(f"  {line}\n" for line in text.splitlines())
    return text


@pytest.mark.parametrize(
    ("version", "kind", "way"),
    [
        ("v1", "Pod", "spec"),
        ("v1", "PodTemplate", "template.spec"),
        ("v1", "ReplicationController", "spec.template.spec"),
        ("batch/v1", "CronJob", "spec.jobTemplate.spec.template.spec"),
        ("batch/v1", "Job", "spec.template.spec"),
        ("extensions/v1beta1", "Deployment", "spec.template.spec"),
        *(("apps/v1", kind, "spec.template.spec") for kind in ("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet")),
    ],
)
def test_every_kind_with_pods(version: str, kind: str, way: str) -> None:
    found = find(f"apiVersion: {version}\nkind: {kind}\n" + nested(way, POD_SPEC))
    expected = [(f"{way}.{path}", "pod", f"q.io/{letter}:1") for path, letter in zip(POD_PATHS, "abcv", strict=True)]
    assert images(found) == expected
    assert found.left_alone == ()


POD = 'apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: a, image: "q.io/a:1"}]}\n'
POD_JSON = json.dumps({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "a", "image": "q.io/a:1"}]}})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            f"apiVersion: v1\nkind: List\nitems: [{POD_JSON}, {POD_JSON}]",
            ["items[0].spec.containers[0].image", "items[1].spec.containers[0].image"],
        ),
        # The API leaves out the kind of a typed list's items.
        (
            '{"apiVersion": "v1", "kind": "PodList", "items": [{"spec": {"containers": [{"image": "q.io/a:1"}]}}]}',
            ["items[0].spec.containers[0].image"],
        ),
        (
            '{"apiVersion": "apps/v1", "kind": "DeploymentList", '
            '"items": [{"spec": {"template": {"spec": {"containers": [{"image": "a"}]}}}}]}',
            ["items[0].spec.template.spec.containers[0].image"],
        ),
        (
            f"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items: [{POD_JSON}]",
            ["items[0].items[0].spec.containers[0].image"],
        ),
        ("apiVersion: v1\nkind: List\nitems: []", []),
        ("apiVersion: v1\nkind: List\nitems:", []),
        ("apiVersion: v1\nkind: List\nitems: {a: b}", []),
        ("kind: List\nitems: &x [{kind: List, items: *x}]", []),
        ("kind: Pod\nspec: {containers: [{image: q.io/a}]}", ["spec.containers[0].image"]),
        ("kind: Pod\nspec: {containers: [{image: }, {image: null}, {image: ~}, {image: ''}, {}, null, x], volumes: [{image: }]}", []),
        ("kind: Pod\nspec:", []),
        ("[a]", []),
        ("text", []),
    ],
)
def test_lists_and_what_is_empty(text: str, expected: list[str]) -> None:
    found = find(text)
    assert [path for path, _, _ in images(found)] == expected
    assert found.left_alone == ()


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ('"{{ .Values.image }}"', finding.TEMPLATE),
        ("{{ .Values.image }}", finding.TEMPLATE),
        ("quay.io/x:${TAG}", finding.TEMPLATE),
        ("$(REGISTRY)/x:1", finding.TEMPLATE),
        ("{repository: q.io/x, tag: v1}", finding.NO_TEXT),
        ("[q.io/x]", finding.NO_TEXT),
        ("1", finding.NO_TEXT),
        ("docker://busybox", "'docker://busybox' is no reference to an image: write it without a scheme such as docker:// or https://"),
        ('"q.io/x:1\\n"', "'q.io/x:1\\n' is no reference to an image: '1\\n' is no tag"),
    ],
)
def test_what_cannot_be_replaced_in_the_place_of_an_image(image: str, reason: str) -> None:
    found = find(f"kind: Pod\nspec:\n  containers:\n  - name: a\n    image: {image}\n")
    assert found.images == ()
    (item,) = [item for item in found.left_alone if item.path == "spec.containers[0].image"]
    assert (item.reason, item.document, item.line) == (reason, 1, 5)


@pytest.mark.parametrize(
    "text",
    [
        # Shapes of their own below names that Kubernetes has as well
        "apiVersion: batch.volcano.sh/v1alpha1\nkind: Job\nspec: {template: {spec: {containers: [{image: q.io/a:1}]}}}",
        "apiVersion: x.io/v1\nkind: Thing\nspec: {containers: [{image: busybox}]}",
        "spec: {image: q.io/a:1}",
        "apiVersion: v1\nkind: ConfigMap\ndata: {image: 'q.io/a:1'}",
        "apiVersion: v1\nkind: Secret\nstringData: {other: 'q.io/a:1'}",
        "kind: Pod\nmetadata: {annotations: {x: 'calico/node:v3.25.0'}}",
        f"kind: Pod\nmetadata: {{annotations: {{x: 'busybox@{SHA256}'}}}}",
        "kind: Pod\nspec: {containers: [{env: [{name: RELATED_IMAGE_X, value: 'busybox:1'}]}]}",
        "kind: Pod\nspec: {containers: [{env: [{value: 'q.io/x:1', name: Y}]}]}",
        "kind: Pod\nspec: {containers: [{args: ['--image=q.io/x:1']}]}",
        "kind: ConfigMap\ndata:\n  run.sh: |\n    docker run q.io/x:1 # twice q.io/x:1\n",
        "kind: Thing\nspec: {images: [busybox]}",
    ],
)
def test_what_looks_like_an_image_is_reported(text: str) -> None:
    found = find(text)
    assert found.images == ()
    (item,) = found.left_alone
    assert item.reason == finding.UNKNOWN_PLACE
    line = text.splitlines()[item.line - 1]
    assert item.value in line


@pytest.mark.parametrize(
    "value",
    [
        "https://quay.io/x:1",
        "http://host.example:80/path:1",
        "kubernetes.io/os",
        "app.kubernetes.io/name: x",
        "example.com/label",
        "rbac.authorization.k8s.io/v1",
        "/var/run/x:/y",
        "10.0.0.1:8080",
        "system:serviceaccounts:kube-system",
        "some text: with a/b",
        "v1.38.0",
        "fe80::/10",
    ],
)
def test_what_is_no_image_is_not_reported(value: str) -> None:
    assert find(json.dumps({"kind": "Thing", "spec": {"a": value, "value": value}})).left_alone == ()


def test_definitions_of_resources_are_never_looked_into() -> None:
    crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": {"image": "q.io/x:1", "d": "e.g. q.io/y:1"}}
    for data in (crd, {"kind": "List", "items": [crd]}, {"kind": "CustomResourceDefinitionList", "items": [{"spec": crd["spec"]}]}):
        found = find(json.dumps(data), ALL, [{"kind": "CustomResourceDefinition", "path": "spec.image"}])
        assert found == finding.Findings()


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"kind": "MariaDB", "path": "spec.image"}, ["spec.image"]),
        ({"kind": "MariaDB", "group": "k8s.mariadb.com", "path": "spec.image"}, ["spec.image"]),
        ({"kind": "MariaDB", "group": "other", "path": "spec.image"}, []),
        ({"kind": "Other", "path": "spec.image"}, []),
        ({"kind": "MariaDB", "path": "spec.parts[].image"}, ["spec.parts[0].image", "spec.parts[1].image"]),
        ({"kind": "MariaDB", "path": "spec.named.*.image"}, ["spec.named.x.image"]),
        ({"kind": "MariaDB", "path": 'metadata.annotations["x.io/image"]'}, ['metadata.annotations["x.io/image"]']),
        ({"kind": "MariaDB", "path": "spec.absent.image"}, []),
    ],
)
def test_rules(rule: dict[str, str], expected: list[str]) -> None:
    text = """\
apiVersion: k8s.mariadb.com/v1
kind: MariaDB
metadata: {annotations: {x.io/image: q.io/e:1}}
spec: {image: "q.io/a:1", parts: [{image: "q.io/b:1"}, {image: "q.io/c:1"}], named: {x: {image: "q.io/d:1"}}}
"""
    found = find(text, rules=[rule])
    assert images(found) == [(path, "rule", source) for path, _, source in images(found)]
    assert [path for path, _, _ in images(found)] == expected
    assert len(found.images) + len(found.left_alone) == 5


@pytest.mark.parametrize("path", ["", ".spec", "spec.", "spec..image", "spec[0]", "spec[", 'spec["x]', "a b["])
def test_a_path_that_is_none(path: str) -> None:
    with pytest.raises(_errors.BadInputError, match="is no path to an image"):
        places.parse_path(path)


def test_an_optional_place_that_is_none() -> None:
    with pytest.raises(_errors.BadInputError, match=r"labels: unknown\. Known: env, args"):
        rewriting.wanted_of([], ["labels"])


# --- Texts, on request ---

TEXTS = f"""\
apiVersion: v1
kind: Pod
metadata:
  annotations:
    a: q.io/annotation:1
    b: '{{"kind": "Pod", "spec": {{"containers": [{{"image": "busybox"}}]}}}}'
spec:
  containers:
  - name: c
    image: q.io/own:1
    command: [run, q.io/command:1]
    args:
    - --image=busybox:1
    - -Some.Image=q.io/arg:1
    - --sidecar-image
    - busybox:2
    - --level=debug
    - sleep
    - --image-pull-policy=always
    env:
    - {{name: IMAGE, value: debug}}
    - {{name: IMAGE_MODE, value: "a:b"}}
    - {{name: RELATED_IMAGE, value: "busybox:3"}}
    - {{name: OTHER, value: "q.io/env:1"}}
    - {{name: IMAGE_LEVEL, value: "-"}}
    - {{name: NO, value: "busybox:4"}}
    - {{name: DIGEST, value: "busybox@{SHA256}"}}
    - {{name: REF, valueFrom: {{}}}}
---
apiVersion: v1
kind: ConfigMap
data:
  whole: q.io/whole:1
  sidecarImage: busybox:5
  pod.yaml: |
    ---
    # a pod
    apiVersion: v1
    kind: List
    items:
    - kind: Pod
      spec: {{containers: [{{image: busybox}}]}}
  config.json: "{{\\"image\\": \\"busybox:6\\", \\"\\\\u0041\\": [\\"q.io/json:1\\"]}}"
  broken.yaml: |
    {{{{ if }}}}
    image: q.io/broken:1
  text: nothing here
---
apiVersion: v1
kind: Secret
stringData: {{x: "q.io/secret:1"}}
data: {{x: cS5pby9zZWNyZXQ6MQ==}}
"""


@pytest.mark.parametrize(
    ("also", "expected"),
    [
        ("annotations", ["q.io/annotation:1", "docker.io/library/busybox:latest"]),
        ("args", ["q.io/command:1", "docker.io/library/busybox:1", "q.io/arg:1", "docker.io/library/busybox:2"]),
        ("env", ["docker.io/library/busybox:3", "q.io/env:1", f"docker.io/library/busybox@{SHA256}"]),
        (
            "config_maps",
            [
                "q.io/whole:1",
                "docker.io/library/busybox:5",
                "docker.io/library/busybox:latest",
                "docker.io/library/busybox:6",
                "q.io/json:1",
            ],
        ),
        ("secrets", ["q.io/secret:1"]),
    ],
)
def test_texts_on_request(also: str, expected: list[str]) -> None:
    found = find(TEXTS, [also])
    assert [source for _, via, source in images(found) if via == also] == expected
    assert {via for _, via, _ in images(found)} == {"pod", also}
    for image in found.images:
        assert TEXTS[image.start : image.end] in str(image.source)
        assert TEXTS[image.start : image.end] in TEXTS.splitlines()[image.places[0].line - 1]


def test_all_texts_leave_only_what_cannot_be_read() -> None:
    assert left(find(TEXTS, ALL)) == [('data["broken.yaml"]', "q.io/broken:1")]


def test_a_text_tells_where_its_image_is() -> None:
    paths = {place.path: place.line for image in find(TEXTS, ["config_maps"]).images for place in image.places}
    assert (
        paths['data["pod.yaml"]: items[0].spec.containers[0].image'] == TEXTS[: TEXTS.index("image: busybox}]}\n  config")].count("\n") + 1
    )
    assert 'data["config.json"]: image' in paths


def test_texts_in_texts_in_texts() -> None:
    text = "kind: Pod\nspec: {containers: [{image: 'q.io/deep:1'}]}\n"
    for _ in range(2):
        text = json.dumps({"kind": "ConfigMap", "data": {"x": text}})
    assert [source for _, _, source in images(find(text, ["config_maps"]))] == ["q.io/deep:1"]
    for _ in range(8):
        text = json.dumps({"kind": "ConfigMap", "data": {"x": text}})
    assert find(text, ["config_maps"]).images == ()


# --- Anchors ---

ANCHORS = """\
kind: Pod
metadata:
  labels: {image: &image q.io/x:1}
spec:
  containers:
  - image: *image
  - image: *image
  - &base {name: x, image: q.io/base:1}
  - <<: *base
    name: y
  - <<: *base
    image: q.io/own:1
    args: [*image]
"""


def test_an_anchor_is_one_image_with_all_its_places() -> None:
    found = find(ANCHORS)
    assert sorted(images(found)) == [
        ("metadata.labels.image", "alias", "q.io/x:1"),
        ("spec.containers[0].image", "pod", "q.io/x:1"),
        ("spec.containers[1].image", "pod", "q.io/x:1"),
        ("spec.containers[2].image", "pod", "q.io/base:1"),
        ("spec.containers[3].image", "pod", "q.io/base:1"),
        ("spec.containers[4].args[0]", "alias", "q.io/x:1"),
        ("spec.containers[4].image", "pod", "q.io/own:1"),
    ]
    assert [len(image.places) for image in found.images] == [4, 2, 1]
    assert found.left_alone == ()


def test_an_anchor_in_a_text_keeps_its_reason() -> None:
    text = "kind: ConfigMap\ndata:\n  x: |\n    kind: Pod\n    a: &a q.io/x:1\n    spec: {containers: [{image: *a}]}\n"
    assert [(place.via, place.line) for image in find(text, ["config_maps"]).images for place in image.places] == [
        ("config_maps", 6),
        ("alias", 5),
    ]


def test_a_rule_for_a_known_place_counts_once() -> None:
    found = find("kind: Pod\nspec: {containers: [{image: q.io/x}]}", rules=[{"kind": "Pod", "path": "spec.containers[].image"}])
    assert images(found) == [("spec.containers[0].image", "pod", "q.io/x:latest")]


# --- Tigera's operator ---

INSTALLATION = "apiVersion: operator.tigera.io/v1\nkind: Installation\nmetadata: {name: default}\n"
OPERATOR = """\
apiVersion: apps/v1
kind: Deployment
spec:
  template:
    spec:
      containers:
      - name: tigera-operator
        image: quay.io/tigera/operator:v1.38.6
        env:
        - {name: OPERATOR_NAME, value: tigera-operator}
        - name: TIGERA_OPERATOR_INIT_IMAGE_VERSION
          value: v1.38.3
"""


def test_the_operator_implies_one_more_image() -> None:
    found = find(OPERATOR)
    assert images(found) == [
        ("spec.template.spec.containers[0].image", "pod", "quay.io/tigera/operator:v1.38.6"),
        ("spec.template.spec.containers[0].env[1].value", "implied", "quay.io/tigera/operator:v1.38.3"),
    ]
    assert [image.is_written for image in found.images] == [True, False]
    assert found.images[1].places[0].line == 12
    assert found.left_alone == ()


@pytest.mark.parametrize(
    ("spec", "sources"),
    [
        ("spec:\n  registry: quay.io/\n  imagePath: x\n", ["quay.io/"]),
        ("spec: {registry: UseDefault}\n", [""]),
        ("spec:\n  calicoNetwork: {}\n", [""]),
        ("spec: {variant: Calico}\n", [""]),
    ],
)
def test_installations(spec: str, sources: list[str]) -> None:
    found = find(INSTALLATION + spec)
    assert [registry.source for registry in found.registries] == sources
    assert found.left_alone == ()


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("spec: {registry: '{{ registry }}'}\n", finding.TEMPLATE),
        ("spec: {registry: 5}\n", finding.NO_TEXT),
        ("spec: {registry: }\n", finding.NO_TEXT),
        ("spec: {}\n", finding.NO_REGISTRY),
    ],
)
def test_installations_that_are_left_alone(spec: str, reason: str) -> None:
    found = find(INSTALLATION + spec)
    assert found.registries == ()
    assert [item.reason for item in found.left_alone] == [reason]


def test_another_installation_is_none() -> None:
    assert find("apiVersion: x.io/v1\nkind: Installation\nspec: {a: b}\n") == finding.Findings()
