# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The template of the page about a measurement of policies, and what its style has beyond that of the page about policies.

It has no script and loads nothing. A Python text, because Ansible carries only Python to where a module runs.
Private: may change at any time.
"""

from __future__ import annotations

PROBING_STYLE = """
.unknown { background: var(--sunk); outline: 1px dashed var(--soft); outline-offset: -1px; }
.differs { outline: 2px solid var(--bad); outline-offset: -2px; font-weight: 700; }
.policies td.differs sup { color: var(--bad); font-size: .72rem; line-height: 0; margin-left: 1px; }
.legend i.differs { background: none; }
.why b.unknown { border-radius: 4px; padding: 0 5px; font-weight: 550; }
.way { font-weight: 600; }
.way span { color: var(--soft); font-weight: 400; }
.said { list-style: none; margin: 6px 0 0; padding: 0; font-size: .86rem; }
.said li { padding: 3px 0; overflow-wrap: anywhere; }
.said small { display: block; color: var(--soft); font-size: .8rem; }
.said b, .list b.word { border-radius: 4px; padding: 0 6px; font-weight: 550; }
.said i { color: var(--soft); font-style: normal; }
.outward { min-width: 660px; } .outward b { white-space: nowrap; }
td.bad { color: var(--bad); font-weight: 600; }
"""

PROBING_PAGE = """\
{%- macro difference(pair) -%}
<div class="one"><span class="way">{{ pair.source }} <span>&rarr;</span> {{ pair.destination }}</span>
<ul class="said">{% for part in pair.differing %}<li><code>{{ part.ports | join(", ") }}</code> <i>{{ part.where }}:
 policies say</i> <b class="{{ part.measured.expected }}">{{ part.measured.expected }}</b> <i>&middot; measured</i>
 <b class="{{ part.measured.verdict }}">{{ part.measured.verdict }}</b> <i>({{ part.measured.seen }})</i>
{% for reason in part.measured.why %}<small>{{ reason }}</small>{% endfor %}</li>{% endfor %}</ul></div>
{%- endmacro -%}
{% include "head" %}
<body>
<main>
<header>
<div class="brand"><span>{% include "brand" %} network policies</span>
<span class="pill {{ pill[0] }}">{{ pill[1] }}</span></div>
<h1>{{ headline }}</h1>
{% for line in trial.summary() %}<p class="soft small">{{ line }}</p>
{% endfor %}
{% if unenforced %}<ul class="reasons"><li>{{ trial.why_not_enforced }}</li></ul>{% endif %}
</header>
{% include "cards" %}
{% if trial.tested %}
<section id="expectations"><h2>Expectations</h2>
{% for one in account.by_weight()[:most] %}
<div class="one"><span class="pill {{ results[one.result] }}">{{ one.result }}</span>
 {{ one.expectation }}{% if one.expectation.where %} <span class="soft small">{{ one.expectation.where }}</span>{% endif %}
{% if account.against(one) %}<pre>{{ account.against(one) | join("\n") }}</pre>{% endif %}</div>
{% endfor %}
{% if trial.tested | count > most %}<p class="soft small">{{ trial.tested | count - most }} more are in {{ file }}.</p>{% endif %}
</section>
{% endif %}
<section id="matrix"><h2>Who reached whom</h2>
<p class="soft small">A row is who connected, a column to whom. A kind stands for all pods that no policy tells apart. Each field
 tells what was measured over all ports, on one node and across nodes.{% for kind in account.kinds if kind.ours %}
 {{ kind.name }} is a pod of ours, which no policy of yours selects: what it reaches shows that the network works.{% endfor %}
{%- if more %} {{ more }} more kinds are in {{ file }}.{% endif %}</p>
<div class="scroll"><table class="heat policies">
<thead><tr><td class="none"></td>{% for kind in shown %}
<th scope="col" title="{{ kind.name }}">{{ loop.index }}</th>{% endfor %}</tr></thead>
<tbody>
{% for kind, pairs in rows %}
<tr><th scope="row" title="{{ kind.name }}"><i>{{ loop.index }}</i>{{ kind.name | short }}</th>
{%- for pair in pairs %}
<td class="{{ pair.kind }}{% if pair.differing %} differs{% endif %}"{% if pair.parts %} title="{{ pair }}"{% endif %}>{{ pair | sign }}
{%- if pair.differing %}<sup>&ne;</sup>{% endif %}</td>
{%- endfor %}</tr>
{% endfor %}
</tbody></table></div>
<div class="legend">
{% for kind, word in words.items() %}<span><i class="{{ kind }}"></i>{{ word }}</span>
{% endfor %}<span><i class="differs"></i>&ne; not as policies say</span></div>
<h3>Why</h3>
{% if not account.differing %}<p class="nothing small">Everything that gave a verdict is as policies say.</p>{% endif %}
{% for pair in account.differing[:most] %}
{% if loop.index == 11 %}
<details><summary class="small">{{ [account.differing | count, most] | min - 10 }} further pairs differ</summary><div>{% endif %}
{{ difference(pair) }}
{% if loop.last and loop.index > 10 %}</div></details>{% endif %}
{% endfor %}
{% if account.differing | count > most %}<p class="soft small">{{ account.differing | count - most }} more are in {{ file }}.</p>{% endif %}
{% for kind, pairs in rows %}
<details class="why"><summary>All from {{ kind.name }}</summary><div>
{% for pair in pairs if pair.parts %}
<h4>to {{ pair.destination }}</h4>
<ul>{% for part in pair.parts %}<li><b class="{{ part.measured.verdict }}">{{ part.measured.verdict }}</b>
 {{ part.ports | join(", ") }} {{ part.where }}: {{ part.text }}</li>{% endfor %}</ul>
{% endfor %}
</div></details>
{% endfor %}
</section>
{% if account.outward %}
<section id="outward"><h2>Out of the pods</h2>
<p class="soft small">Services, nodes and addresses that expectations name.</p>
<div class="scroll"><table class="list outward"><thead><tr><th>From</th><th>To</th><th>Ports</th><th>Policies say</th>
<th>Measured</th><th>Seen</th></tr></thead>
<tbody>
{% for pair in account.outward[:most] %}{% for part in pair.parts %}
<tr><td>{{ pair.source }}</td><td>{{ pair.destination }}</td><td><code>{{ part.ports | join(", ") }}</code></td>
<td><b class="word {{ part.measured.expected }}">{{ part.measured.expected }}</b></td>
<td><b class="word {{ part.measured.verdict }}{% if part.differs %} differs{% endif %}">{{ part.measured.verdict }}
{%- if part.differs %} &ne;{% endif %}</b></td>
<td>{{ part.measured.seen }}, {{ part.where }}
{%- for reason in part.measured.why %}<br><span class="soft small">{{ reason }}</span>{% endfor %}</td></tr>
{% endfor %}{% endfor %}
</tbody></table></div>
{% if account.outward | count > most %}<p class="soft small">{{ account.outward | count - most }} more are in {{ file }}.</p>{% endif %}
</section>
{% endif %}
<section id="nodes"><h2>Nodes</h2>
<p class="soft small">A connection counts on the nodes of both its ends.</p>
<table class="list"><thead><tr><th>Node</th><th class="number">Connections</th><th class="number">To be denied</th>
<th class="number">Denied</th><th class="number">Differing</th></tr></thead>
<tbody>
{% for node in account.nodes[:most] %}
<tr><td>{{ node.name }}</td><td class="number">{{ node.measured }}</td><td class="number">{{ node.to_deny }}</td>
<td class="number">{{ node.denied }}</td><td class="number{% if node.differing %} bad{% endif %}">{{ node.differing }}</td></tr>
{% endfor %}
</tbody></table>
{% if account.nodes | count > most %}<p class="soft small">{{ account.nodes | count - most }} more nodes.</p>{% endif %}
<details><summary class="small">The pods that were measured with</summary>
<table class="list"><thead><tr><th>Kind</th><th class="number">Pods</th><th>Measured with</th></tr></thead>
<tbody>
{% for kind in account.kinds[:most] %}
{% set stands = account.stands_of(kind) %}
<tr><td>{{ kind.name }}</td><td class="number">{{ 0 if kind.ours else kind.pods | count }}</td>
<td>{% for stand in stands[:4] %}{{ stand.name }} on {{ stand.node }}{{ ", " if not loop.last }}{% endfor %}
{%- if stands | count > 4 %} and {{ stands | count - 4 }} more{% endif %}</td></tr>
{% endfor %}
</tbody></table></details>
</section>
{% if trial.left_out %}
<section id="left-out"><h2>Left out</h2>
<ul>{% for line in trial.left_out[:most] %}<li class="small">{{ line }}</li>{% endfor %}</ul>
{% if trial.left_out | count > most %}<p class="soft small">{{ trial.left_out | count - most }} more are in {{ file }}.</p>{% endif %}
</section>
{% endif %}
</main>
</body>
</html>
"""
