# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The template of the page about network policies, and what its style has beyond a report's. It has no script and loads nothing.

A Python text, because Ansible carries only Python to where a module runs. Private: may change at any time.
"""

from __future__ import annotations

POLICY_STYLE = """
.policies { width: auto; border-spacing: 2px; }
.policies th { font-weight: 500; color: var(--text); }
.policies tbody th { position: sticky; left: 0; background: var(--face); text-align: left; max-width: 340px; overflow: hidden; }
.policies th i { color: var(--soft); font-style: normal; display: inline-block; min-width: 1.6em; }
.policies td { min-width: 30px; width: 36px; height: 30px; padding: 2px; border-radius: 6px; font-size: .82rem; cursor: help; }
.allow { background: var(--heat0); } .some { background: var(--heat2); } .deny { background: var(--heat4); }
.undefined { background: var(--sunk); outline: 1px dashed var(--soft); outline-offset: -1px; }
.policies td.none { background: none; cursor: auto; }
.legend + h3 { margin-top: 22px; }
.why { font-size: .86rem; } .why h4 { margin: 10px 0 2px; overflow-wrap: anywhere; }
.why ul { margin: 2px 0 6px; } .why li { overflow-wrap: anywhere; }
.why b.allow, .why b.deny, .why b.undefined { border-radius: 4px; padding: 0 5px; font-weight: 550; }
.one { border-top: 1px solid var(--line); padding: 9px 0; overflow-wrap: anywhere; }
.one:first-of-type { border-top: 0; }
.one pre, .told { margin: 6px 0 0; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .82rem; color: var(--soft);
  font-family: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace; }
"""

POLICY_PAGE = """\
{% include "head" %}
<body>
<main>
<header>
<div class="brand"><span>{% include "brand" %} network policies</span>
{% if found.outcomes %}<span class="pill {{ 'failed' if found.missed else 'passed' }}">
{{- "Expectations missed" if found.missed else "No expectation missed" }}</span>{% endif %}</div>
<h1>{{ headline }}</h1>
{% for line in summary %}<p class="soft small">{{ line }}</p>
{% endfor %}
</header>
{% include "cards" %}
{% if found.outcomes %}
<section id="expectations"><h2>Expectations</h2>
{% for one in by_weight[:most] %}
<div class="one"><span class="pill {{ {'warning': 'unfinished'}.get(results[one.result], results[one.result]) }}">{{ one.result }}</span>
 {{ one.expectation }}{% if one.expectation.where %} <span class="soft small">{{ one.expectation.where }}</span>{% endif %}
{% if one.result != "met" %}<pre>{{ one.explanation }}</pre>{% endif %}</div>
{% endfor %}
{% if by_weight | count > most %}<p class="soft small">{{ by_weight | count - most }} more are in {{ file }}.</p>{% endif %}
</section>
{% endif %}
{% if found.difference is not none %}
<section id="difference"><h2>What changes</h2>
{% for title, lines in changes %}
<h3>{{ title }}</h3><ul>{% for line in lines %}<li>{{ line }}</li>{% endfor %}</ul>
{% else %}
<p class="nothing">Nothing opens and nothing closes.</p>
{% endfor %}
</section>
{% endif %}
<section id="matrix"><h2>Who may reach whom</h2>
<p class="soft small">A row is who connects, a column to whom. Pods that no policy can tell apart share a row.
{%- if table.more %} {{ table.more }} more classes are in {{ file }}.{% endif %}</p>
<div class="scroll"><table class="heat policies">
<thead><tr><td class="none"></td>{% for group in table.groups %}
<th scope="col" title="{{ group.name }}">{{ loop.index }}</th>{% endfor %}</tr></thead>
<tbody>
{% for group in table.groups %}
{% set row = loop.index0 %}
<tr><th scope="row" title="{{ group.name }}"><i>{{ loop.index }}</i>{{ group.name | short }}</th>
{%- for cell in table.cells[row] %}
<td class="{{ cell.kind }}"{% if cell.parts %} title="{{ group.name }} to {{ table.groups[loop.index0].name }}
{%- for part in cell.parts %}&#10;{{ part }}{% endfor %}"{% endif %}>{{ cell | sign }}</td>
{%- endfor %}</tr>
{% endfor %}
</tbody></table></div>
<div class="legend">
{% for kind, word in words.items() if kind != "none" %}<span><i class="{{ kind }}"></i>{{ word }}</span>
{% endfor %}</div>
<h3>Why</h3>
{% for group in table.groups %}
{% set row = loop.index0 %}
<details class="why"><summary>From {{ group.name }}</summary><div>
{% for cell in table.cells[row] %}
{% if cell.parts %}
<h4>to {{ table.groups[loop.index0].name }}</h4>
<ul>{% for part in cell.parts %}<li><b class="{{ part.verdict }}">{{ part.verdict }}</b> {{ part.ports | join(", ") }}:
 {{ part.reasons | join("; ") }}</li>{% endfor %}</ul>
{% endif %}
{% endfor %}
</div></details>
{% endfor %}
</section>
{% if found.explanations %}
<section id="explanations"><h2>Explanations</h2>
{% for one in found.explanations %}<pre class="told">{{ one }}</pre>
{% endfor %}
</section>
{% endif %}
{% if found.findings %}
<section id="findings"><h2>Findings</h2>
{% for one in found.findings[:most] %}
<div class="one"><span class="pill {{ {'error': 'failed', 'warning': 'unfinished'}.get(one.severity, '') }}">{{ one.severity }}</span>
 <code>{{ one.id }}</code> {{ one.place }}{% if one.field %}: <code>{{ one.field }}</code>{% endif %} {{ one.message }}.
{% if one.readings %}<ol>{% for reading in one.readings %}<li>{{ reading }}</li>{% endfor %}</ol>{% endif %}
{% if one.advice %}<span class="soft">{{ one.advice }}</span>{% endif %}</div>
{% endfor %}
{% if found.findings | count > most %}<p class="soft small">{{ found.findings | count - most }} more are in {{ file }}.</p>{% endif %}
</section>
{% endif %}
</main>
</body>
</html>
"""
