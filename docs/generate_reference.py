# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes docs/reference from the modules' documentation and the roles' argument specs: ``python docs/generate_reference.py``."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import yaml
from ansible_collections.kubernetes.core.plugins.doc_fragments.k8s_auth_options import ModuleDocFragment as AuthOptions

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
COLLECTION = "podnet.cni"

_Spec = t.Mapping[str, t.Any]

# In two halves, or REUSE would read them as this file's own.
_HEAD = (
    "<!--",
    "SPDX-" + "FileCopyrightText: 2026 The podnet.cni authors",
    "SPDX-" + "License-Identifier: GPL-3.0-or-later",
    "",
    "Written by docs/generate_reference.py. Change the documentation in the module or role, then run it.",
    "-->",
)
_AUTH = (
    "Besides these it takes the connection options of `kubernetes.core.k8s_auth_options` (`kubeconfig`, `context`, `host`, ...), "
    "best set once for all by `module_defaults` of the group `podnet.cni.k8s`."
)
#: What kubernetes.core says about its options. It changes with the installed version, so it is not repeated.
_AUTH_DOC = yaml.safe_load(AuthOptions.DOCUMENTATION)
_MARKUP = re.compile(r"\b(RV|[BCEILMOPRUV])\(((?:\\.|[^\\)])*)\)")


def pages() -> dict[str, str]:
    """File name -> content of every page of the reference."""
    modules = read_modules()
    roles = read_roles()
    made = {f"{name}.md": module_page(name, docs) for name, docs in modules.items()}
    made["roles.md"] = roles_page(roles)
    made["README.md"] = index_page(modules, roles)
    return made


def read_modules() -> dict[str, _Spec]:
    """What ansible-doc says about each module, by short name."""
    names = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("[!_]*.py"))
    command = [sys.executable, "-m", "ansible.cli.doc", "--json", *(f"{COLLECTION}.{name}" for name in names)]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"), "ANSIBLE_NOCOLOR": "1"}
    finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment, check=True)
    found = json.loads(finished.stdout)
    return {name: found[f"{COLLECTION}.{name}"] for name in names}


def read_roles() -> dict[str, _Spec]:
    """Each role's ``description``, its ``entry_points`` and its ``variables``, in the order of its argument specs."""
    return {path.name: _role(path) for path in sorted((ROOT / "roles").iterdir()) if path.is_dir()}


def _role(path: Path) -> _Spec:
    entry_points = yaml.safe_load((path / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    variables = {name: option for spec in entry_points.values() for name, option in (spec.get("options") or {}).items()}
    description = yaml.safe_load((path / "meta" / "main.yml").read_text())["galaxy_info"]["description"]
    return {"description": description, "entry_points": entry_points, "variables": variables}


def index_page(modules: t.Mapping[str, _Spec], roles: t.Mapping[str, _Spec]) -> str:
    lines = [*_HEAD, "# Reference", "", "## Modules", "", *_table("module", "does")]
    lines += [_row(f"[`{COLLECTION}.{name}`]({name}.md)", markdown(docs["doc"]["short_description"])) for name, docs in modules.items()]
    lines += ["", "## Roles", "", *_table("role", "does")]
    lines += [_row(f"[`{COLLECTION}.{name}`](roles.md#{_anchor(name)})", markdown(role["description"])) for name, role in roles.items()]
    return "\n".join(lines) + "\n"


def module_page(name: str, docs: _Spec) -> str:
    doc = docs["doc"]
    options = doc.get("options") or {}
    takes_auth = set(_AUTH_DOC["options"]) <= set(options)
    own = {option: spec for option, spec in options.items() if not takes_auth or option not in _AUTH_DOC["options"]}
    lines = [*_HEAD, f"# {COLLECTION}.{name}", "", f"{markdown(doc['short_description'])}. Since {doc['version_added']}.", ""]
    lines += [f"- {markdown(paragraph)}" for paragraph in _paragraphs(doc["description"])]
    lines += _bullets("Needs", doc.get("requirements"))
    lines += ["", "## Options", "", *(_options_table(own) if own else ["It has none of its own."])]
    lines += ["", _AUTH] if takes_auth else []
    lines += _bullets("Behaviour", [_attribute(attribute, spec) for attribute, spec in doc["attributes"].items()])
    lines += _bullets("Notes", [note for note in doc.get("notes", ()) if note not in _AUTH_DOC["notes"]])
    lines += ["", "## Examples", "", "```yaml", docs["examples"].strip(), "```"]
    lines += ["", "## Returns", "", *_returns(docs["return"])]
    lines += _bullets("See also", [f"M({also['module']})" for also in doc.get("seealso", ()) if "module" in also])
    return "\n".join(lines) + "\n"


def roles_page(roles: t.Mapping[str, _Spec]) -> str:
    lines = [*_HEAD, "# Roles", "", "Call an entry point other than `main` with `tasks_from`. Every variable has the default named here."]
    for name, role in roles.items():
        lines += ["", f"## {COLLECTION}.{name}", "", markdown(role["description"]), "", *_table("entry point", "does")]
        lines += [_row(f"`{point}`", _entry_point(spec)) for point, spec in role["entry_points"].items()]
        lines += ["", *_options_table(role["variables"], "variable")]
    return "\n".join(lines) + "\n"


def _entry_point(spec: _Spec) -> str:
    return " ".join(_sentence(markdown(text)) for text in (spec["short_description"], *_paragraphs(spec["description"])))


def _options_table(options: t.Mapping[str, _Spec], title: str = "option") -> list[str]:
    return [*_table(title, "type", "default", "description"), *_option_rows(options)]


def _option_rows(options: t.Mapping[str, _Spec], parent: str = "") -> t.Iterator[str]:
    for name, spec in sorted(options.items(), key=lambda item: not item[1].get("required")):
        words = _prose(spec["description"])
        if spec.get("choices"):
            words += f" One of {', '.join(_code(choice) for choice in spec['choices'])}."
        yield _row(f"`{parent}{name}`", _type(spec), _default(spec), words)
        yield from _option_rows(spec.get("suboptions") or spec.get("options") or {}, f"{parent}{name}{_inner(spec)}")


def _default(spec: _Spec) -> str:
    if spec.get("required"):
        return "**required**"
    default = spec.get("default")
    return "" if default is None else _code(default)


def _attribute(name: str, spec: _Spec) -> str:
    return f"{name}: {spec['support']}. {_prose(spec.get('details', ()))}".rstrip()


def _returns(values: t.Mapping[str, _Spec]) -> list[str]:
    lines = [*_table("value", "type", "returned", "description"), *_return_rows(values)]
    samples = {name: spec["sample"] for name, spec in values.items() if "sample" in spec}
    sample = yaml.safe_dump(samples, sort_keys=False, allow_unicode=True, width=10**6).strip()
    return [*lines, "", "For example:", "", "```yaml", sample, "```"] if samples else lines


def _return_rows(values: t.Mapping[str, _Spec], parent: str = "") -> t.Iterator[str]:
    for name, spec in values.items():
        yield _row(f"`{parent}{name}`", _type(spec), spec.get("returned", ""), _prose(spec["description"]))
        yield from _return_rows(spec.get("contains") or {}, f"{parent}{name}{_inner(spec)}")


def _inner(spec: _Spec) -> str:
    return "[]." if spec.get("type") == "list" else "."


def _type(spec: _Spec) -> str:
    kind = spec.get("type", "str")
    return f"{kind} of {spec['elements']}" if "elements" in spec else kind


def _table(*titles: str) -> list[str]:
    return [_row(*titles), f"|{'---|' * len(titles)}"]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _bullets(title: str, texts: t.Sequence[str] | None) -> list[str]:
    return ["", f"## {title}", "", *(f"- {markdown(text)}" for text in texts)] if texts else []


def _prose(text: str | t.Sequence[str]) -> str:
    return " ".join(_sentence(markdown(paragraph)) for paragraph in _paragraphs(text))


def _paragraphs(text: str | t.Sequence[str]) -> t.Sequence[str]:
    return [text] if isinstance(text, str) else text


def _sentence(text: str) -> str:
    return text if text.endswith((".", ":", "?")) else f"{text}."


def _code(value: t.Any) -> str:
    return f"`{value}`" if isinstance(value, str) and value else f"`{json.dumps(value)}`"


def _anchor(role: str) -> str:
    """The anchor that Markdown viewers give to a role's heading: without dots."""
    return f"{COLLECTION}.{role}".replace(".", "")


def markdown(text: str) -> str:
    """Ansible's markup as Markdown."""
    return _MARKUP.sub(_marked, text.strip())


def _marked(match: re.Match[str]) -> str:
    kind, text = match.group(1), re.sub(r"\\(.)", r"\1", match.group(2))
    if kind == "M":
        return _module(text)
    if kind == "L":
        title, _comma, address = text.partition(",")
        return f"[{title}]({address.strip()})"
    if kind in ("O", "RV"):
        plugin, _mark, name = text.rpartition(":")
        module = plugin.partition("#")[0]
        return f"`{name}` of {_module(module)}" if module not in ("", "ignore") else f"`{name}`"
    shapes = {"B": "**{}**", "I": "*{}*", "U": "<{}>", "R": "{}"}
    return shapes.get(kind, "`{}`").format(text.partition(",")[0] if kind == "R" else text)


def _module(name: str) -> str:
    short = name.rpartition(".")[2]
    return f"[`{name}`]({short}.md)" if name.startswith(f"{COLLECTION}.") else f"`{name}`"


def main() -> None:
    """Writes every page and removes those of modules that are gone."""
    REFERENCE.mkdir(exist_ok=True)
    made = pages()
    for path in REFERENCE.glob("*.md"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (REFERENCE / name).write_text(text)


if __name__ == "__main__":
    main()
