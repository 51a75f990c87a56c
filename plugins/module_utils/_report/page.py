# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page's template. It has no script, and the policy in its head keeps it from loading anything.

A Python text, because Ansible carries only Python to where a module runs.
Private: may change at any time.
"""

from __future__ import annotations

PAGE = """\
{%- macro track(row, breaks) -%}
<svg class="track" viewBox="0 0 1000 16" preserveAspectRatio="none" aria-hidden="true">
<rect class="rail" x="0" y="5" width="1000" height="6"/>
{% for one in breaks %}<rect class="break" x="{{ one.left }}" y="4" width="{{ one.width }}" height="8"/>
{% endfor %}
{% if row.bar %}<rect class="bar {{ row.step.state }}" x="{{ row.bar.left }}" y="3" width="{{ row.bar.width }}" height="10"/>
{% endif %}
{% for one in row.short %}<rect class="blink" x="{{ one.left }}" y="1" width="{{ one.width }}" height="14"/>
{% endfor %}
{% for one in row.long %}<rect class="gap" x="{{ one.left }}" y="0" width="{{ one.width }}" height="16"/>
{% endfor %}
</svg>
{%- endmacro -%}
{%- macro check_list(checks) -%}
{% for check in checks %}
<div class="check"><span class="sign {{ check.result }}" title="{{ check.result }}">{{ signs.get(check.result, "?") }}</span>
<code class="id">{{ check.id }}</code><span class="seen">{{ check.seen }}{% if check.where and check.where not in check.seen %}
 <span class="soft">[{{ check.where }}]</span>{% endif %}</span>
{% if check.result in told_in_full %}{% for line in check.details %}<span class="more">{{ line }}</span>
{% endfor %}{% if check.next_step %}<span class="more">Next: {{ check.next_step }}</span>{% endif %}
{% if check.fix %}<span class="more">Fix: <code>{{ check.fix }}</code></span>{% endif %}{% endif %}</div>
{% endfor %}
{%- endmacro -%}
{%- macro facts(rows) -%}
<table class="list"><thead><tr><th></th><th>Before</th><th>After</th></tr></thead><tbody>
{% for fact in rows %}<tr{% if fact.changed %} class="changed"{% endif %}><th scope="row">{{ fact.label }}</th>
{%- if fact.changed or not (fact.before and fact.after) %}<td>{{ fact.before or "not read" }}</td><td>{{ fact.after or "not read" }}</td>
{%- else %}<td colspan="2" class="soft">{{ fact.after }}</td>{% endif %}</tr>
{% endfor %}
</tbody></table>
{%- endmacro -%}
{%- macro rest(all, shown) -%}
{% if all | count > shown %}, of them {{ all | count - shown }} only in report.json{% endif %}
{%- endmacro -%}
{%- macro item_list(items) -%}
<ul class="items">{% for item in items %}<li><code>{{ item }}</code></li>{% endfor %}</ul>
{%- endmacro -%}
{%- macro left_list(leftovers) -%}
{% for one in leftovers %}<h3>{{ one.where }}</h3>{{ item_list(one.items[:most_left]) }}
{% if one.items | count > most_left %}
<details><summary>{{ one.items | count - most_left }} more{{ rest(one.items, all_left) }}</summary>
{{ item_list(one.items[most_left:all_left]) }}</details>
{% endif %}
{% endfor %}
{%- endmacro -%}
{%- macro gap_table(gaps) -%}
<table class="list stack"><thead><tr><th>Way</th><th class="number">Length</th><th>From</th><th>During step</th><th>Why</th></tr></thead>
<tbody>
{% for gap in gaps %}<tr><td class="lead">{{ kinds.get(gap.kind, gap.kind) }}: {{ gap.name }}</td>
<td class="number">{{ gap.seconds | length_text }}</td><td>{{ gap.started | clock }}</td>
<td{% if not gap.step %} class="empty"{% endif %}>{{ gap.step }}</td>
{% set why = gap.cause or gap.reason %}
<td{% if not why %} class="empty"{% endif %}>{{ why }}</td></tr>
{% endfor %}</tbody></table>
{%- endmacro -%}
{% include "head" %}
<body>
<main>
<header>
<div class="brand"><span>{% include "brand" %} run report</span>
<span class="pill {{ report.verdict }}">{{ verdicts[report.verdict] }}</span></div>
<h1>{{ report.title }}</h1>
<p class="soft">{{ facts_line }}</p>
{% if report.reasons %}
<ul class="reasons {{ report.verdict }}">{% for reason in report.reasons %}<li>{{ reason }}</li>{% endfor %}</ul>
{% endif %}
</header>
{% include "cards" %}
{% if timeline.rows %}
<section id="timeline"><h2>Timeline</h2>
<p class="soft small">{{ report.steps | count }} steps
{%- if report.started is not none %}, {{ report.started | day }}, times in UTC{% endif %}.
{%- if timeline.breaks %} Idle times are drawn short.{% endif %}</p>
<ol class="steps">
{% for row in timeline.rows %}
<li class="step"><span class="name">{{ row.step.name }}{% if row.step.nodes %}<small>{{ row.step.nodes | some }}</small>{% endif %}</span>
{{ track(row, timeline.breaks) }}
<span class="took">{% if row.step.state == "interrupted" %}stopped{% elif row.step.seconds is none %}open
{%- else %}{{ row.step.seconds | length_text }}{% endif %}</span>
{% if row.step.detail or row.step.state in ("failed", "interrupted") or row.step.outage is not none %}
<span class="note {{ row.step.state }}">{{ row | step_note }}</span>{% endif %}</li>
{% endfor %}
</ol>
{% if timeline.ticks %}
<div class="axis"><div>{% for tick in timeline.ticks %}
<span class="{{ 'first' if loop.first else ('last' if tick.left > 990 else 'middle') }}"
 style="left: {{ tick.left / 10 }}%">{{ tick | tick_text }}</span>{% endfor %}</div></div>
{% endif %}
<div class="legend"><span><i class="hbar"></i>step</span>
{%- if timeline.rows | map(attribute="short") | select | list %}
<span><i class="hblink"></i>no answer on some way, at most half a second</span>{% endif %}
{%- if timeline.rows | map(attribute="long") | select | list %}
<span><i class="hgap"></i>for longer</span>{% endif %}</div>
</section>
{% endif %}
<section id="connectivity"><h2>Connectivity</h2>
{% if report.connectivity.sent %}
<p class="soft small">{{ "{:,}".format(report.connectivity.sent) }} requests on {{ report.connectivity.paths | count }} ways.
 In each field: requests lost, and the longest outage.
{%- if report.connectivity.restarting %} {{ "{:,}".format(report.connectivity.restarting) }} more were lost while one of the two ends,
 a pod of the measurement itself, was made anew.{% endif %}</p>
<div class="grids">
{% for grid in report.grids %}
<div class="grid"><h3>{{ kinds.get(grid.kind, grid.kind) or services }}</h3><div class="scroll"><table class="heat">
<thead><tr><th>{% if grid.kind %}from \\ to{% endif %}</th>
{%- for name in grid.columns %}<th scope="col">{{ name if grid.kind else columns.get(name, name) }}</th>{% endfor %}</tr></thead><tbody>
{% for cells in grid.cells %}<tr><th scope="row">{{ grid.rows[loop.index0] }}</th>
{%- for path in cells %}{% if path %}<td class="h{{ path | heat }}" title="{{ path | path_text }}"><b>{{ "{:,}".format(path.lost) }}</b>
<small>{{ path.longest_outage | length_text if path.longest_outage is not none else "no gap" }}</small></td>
{%- else %}<td class="none">&ndash;</td>{% endif %}{% endfor %}</tr>
{% endfor %}</tbody></table></div>
{% if grid.hidden %}<p class="soft small">{{ grid.hidden }} more without a worse reading are in report.json.</p>{% endif %}</div>
{% endfor %}
</div>
<div class="legend">{% for text in heat_legend %}<span><i class="h{{ loop.index0 }}"></i>{{ text }}</span>{% endfor %}</div>
{% if report.connectivity.gaps %}
<h3 style="margin-top: 24px">Longest gaps</h3>
{{ gap_table(report.connectivity.gaps[:most_gaps]) }}
{% if report.connectivity.gaps | count > most_gaps %}
<details><summary>{{ report.connectivity.gaps | count - most_gaps }} more{{ rest(report.connectivity.gaps, all_gaps) }}</summary>
{{ gap_table(report.connectivity.gaps[most_gaps:all_gaps]) }}</details>
{% endif %}
{% endif %}
{% for problem in report.connectivity.problems %}<p class="soft small">Not measured: {{ problem }}</p>
{% endfor %}
{% else %}
<p class="soft">Nothing was measured during this run.</p>
{% endif %}
</section>
{% if report.nodes %}
<section id="nodes"><h2>Nodes</h2>
<p class="soft small">{{ report.nodes | count }} nodes, before and after.</p>
<div class="nodes">
{% for node in report.nodes[:most_nodes] %}<div class="node"><h3>{{ node.name }}</h3>{{ facts(node.facts) }}</div>
{% endfor %}</div>
{% if report.nodes | count > most_nodes %}
<details><summary>{{ report.nodes | count - most_nodes }} more nodes{{ rest(report.nodes, all_nodes) }}</summary><div class="nodes">
{% for node in report.nodes[most_nodes:all_nodes] %}<div class="node"><h3>{{ node.name }}</h3>{{ facts(node.facts) }}</div>
{% endfor %}</div></details>
{% endif %}
</section>
{% endif %}
{% if report.checks_after or report.checks_before %}
<section id="checks"><h2>Checks</h2>
{% if report.checks_after %}
<p class="soft small">After the change: {{ report.checks_after | totals }}.</p>
{{ check_list(report.checks_after) }}
{% endif %}
{% if report.checks_before %}
<details{% if not report.checks_after %} open{% endif %}><summary>Before the change: {{ report.checks_before | totals }}</summary>
<div>{{ check_list(report.checks_before) }}</div></details>
{% endif %}
</section>
{% endif %}
{% if report.versions %}
<section id="versions" class="wide"><h2>Versions</h2>
<p class="soft small">What the cluster and its nodes say of themselves.</p>
{{ facts(report.versions) }}
</section>
{% endif %}
{% if report.leftovers is not none %}
<section id="leftovers"><h2>Leftovers</h2>
{% if report.leftovers %}
<p class="soft small">What of {{ report.source }} is still there.</p>
{{ left_list(report.leftovers[:most_nodes]) }}
{% if report.leftovers | count > most_nodes %}
<details><summary>{{ report.leftovers | count - most_nodes }} more places{{ rest(report.leftovers, all_nodes) }}</summary>
<div>{{ left_list(report.leftovers[most_nodes:all_nodes]) }}</div></details>
{% endif %}
{% else %}
<p class="nothing">Nothing of {{ report.source }} is left on the nodes that were read.</p>
<p class="soft small">Looked for: devices, addresses, routes, neighbours, forwarding entries, iptables chains and rules of both backends,
 nftables, IP sets, CNI configurations, files, processes, DaemonSets, annotations.</p>
{% endif %}
</section>
{% endif %}
<footer>Made by podnet.cni. All times are UTC.
The same is in <code>report.json</code> and, for a pipeline, in <code>report.junit.xml</code>.</footer>
</main>
</body>
</html>
"""
