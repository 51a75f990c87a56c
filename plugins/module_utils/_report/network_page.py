# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The template of the page about a network, and what its style has beyond a report's. It has no script and loads nothing.

A Python text, because Ansible carries only Python to where a module runs. Private: may change at any time.
"""

from __future__ import annotations

NETWORK_STYLE = """
.flow { border-top: 1px solid var(--line); padding: 18px 0 8px; }
.flow h3 { overflow-wrap: anywhere; margin-bottom: 6px; }
.draw { overflow-x: auto; margin: 10px 0; }
.draw svg { display: block; height: auto; }
.draw rect.node { fill: var(--sunk); stroke: var(--line); }
.draw rect.place { fill: var(--face); stroke: var(--accent); stroke-width: 1.4; }
.draw .tables rect.place { stroke: var(--warn); stroke-dasharray: 4 3; }
.draw .pod rect.place, .draw .host rect.place { stroke: var(--good); stroke-width: 2; }
.draw .lost rect.place { stroke: var(--bad); stroke-width: 2; }
.draw .tunnel rect.place { fill: var(--heat1); }
.draw text { fill: var(--text); font-size: 13px; text-anchor: middle; }
.draw text.note { fill: var(--soft); font-size: 10.5px; }
.draw text.title { font-weight: 650; }
.draw polyline { fill: none; stroke: var(--bar); stroke-width: 3; stroke-linejoin: round; opacity: .55; }
.draw polyline.lost { stroke: var(--bad); }
.hops { list-style: none; counter-reset: hop; margin: 6px 0; padding: 0; font-size: .86rem; }
.hops li {
  counter-increment: hop; display: grid; grid-template-columns: 26px 176px 1fr; gap: 2px 10px; padding: 5px 0;
  border-top: 1px solid var(--line);
}
.hops li::before { content: counter(hop); color: var(--soft); }
.hops .what { font-weight: 600; overflow-wrap: anywhere; }
.hops .why { overflow-wrap: anywhere; }
.hops .why small { display: block; color: var(--soft); overflow-wrap: anywhere; }
.hops .seen { color: var(--good); }
.hops .unseen { color: var(--bad); }
.lines { width: 100%; border-collapse: collapse; font-size: .82rem; margin: 4px 0 14px; }
.lines td { padding: 3px 10px 3px 0; vertical-align: top; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
.lines td:first-child { width: 22px; }
.lines .right { color: var(--good); } .lines .missing, .lines .extra { color: var(--bad); }
details.node { border-top: 1px solid var(--line); padding: 10px 0; }
details.node > summary { cursor: pointer; font-weight: 600; }
h4 { font-size: .86rem; margin: 12px 0 2px; } h4 code { color: var(--soft); font-weight: 400; }
@media (max-width: 620px) {
  .hops li { grid-template-columns: 24px 1fr; } .hops .why { grid-column: 2; }
  .lines td:last-child { display: block; padding-left: 0; border: 0; }
  .lines tr { display: block; padding: 3px 0; border-top: 1px solid var(--line); }
  .lines td { border: 0; } .lines td:first-child { width: auto; display: inline; } .lines td:nth-child(2) { display: inline; }
}
"""

NETWORK_PAGE = """\
{%- macro picture(drawing) -%}
<div class="draw"><svg viewBox="0 0 {{ drawing.width }} {{ drawing.height }}" width="{{ drawing.width }}" role="img" aria-label="the way">
{% for column in drawing.columns %}
<rect class="node" x="{{ column.left }}" y="6" width="{{ column.width }}" height="{{ drawing.height - 12 }}" rx="14"/>
<text class="title" x="{{ column.left + column.width // 2 }}" y="26">{{ column.name or "outside" }}</text>
{% endfor %}
<polyline{% if drawing.lost %} class="lost"{% endif %} points="{% for one in drawing.places %}{{ one.x }},{{ one.y }} {% endfor %}"/>
{% for place in drawing.places %}
<g class="{{ place.kind }}"><rect class="place" x="{{ place.x - box_width // 2 }}" y="{{ place.y - box_height // 2 }}"
 width="{{ box_width }}" height="{{ box_height }}" rx="9"/>
<text x="{{ place.x }}" y="{{ place.y + (0 if place.note else 5) }}">{{ place.text | short }}</text>
{% if place.note %}<text class="note" x="{{ place.x }}" y="{{ place.y + 14 }}">{{ place.note | short(32) }}</text>{% endif %}</g>
{% endfor %}
</svg></div>
{%- endmacro -%}
{%- macro hop_list(hops, seen) -%}
<ol class="hops">
{% for hop in hops %}
<li><span class="what">{{ hop.node or "outside" }}{% if hop.device %} <code>{{ hop.device }}</code>{% endif %}<br>{{ hop.what }}
{%- if seen is not none and hop.is_sighting %}{% if hop | was_seen(seen) %} <span class="seen" title="captured">&#10003; captured</span>
{%- else %} <span class="unseen">not captured</span>{% endif %}{% endif %}</span>
<span class="why"><code>{{ hop.packet }}</code>{% if hop.outer %}<br><code>{{ hop.outer }}</code>{% endif %}<small>{{ hop.why }}</small>
{% if hop.rules | count > 1 %}<details><summary class="soft small">{{ hop.rules | count }} rules led there</summary>
{% for rule in hop.rules %}<small><code>{{ rule }}</code></small>{% endfor %}</details>{% endif %}</span></li>
{% endfor %}
</ol>
{%- endmacro -%}
{% include "head" %}
<body>
<main>
<header>
<div class="brand"><span>{% include "brand" %} network</span>
<span class="pill {{ 'failed' if inspection.reasons else 'passed' }}">
{{- "Needs attention" if inspection.reasons else "As it has to be" }}</span></div>
<h1>{{ inspection.title }}</h1>
<p class="soft">{{ inspection.carrier }} &middot; {{ inspection.nodes | count }} nodes</p>
{% if inspection.reasons %}
<ul class="reasons">{% for reason in inspection.reasons[:most_reasons] %}<li>{{ reason }}</li>{% endfor %}
{% if inspection.reasons | count > most_reasons %}<li>and {{ inspection.reasons | count - most_reasons }} more</li>{% endif %}</ul>
{% endif %}
</header>
{% include "cards" %}
{% if inspection.about %}
<section id="about"><h2>How packets travel between nodes</h2><p>{{ inspection.about }}</p></section>
{% endif %}
<section id="paths"><h2>How a packet travels</h2>
<p class="soft small">Foretold from the nodes' own tables
{%- if inspection.proofs %}, and held against packets that were sent and captured{% endif %}.</p>
{% for item in inspection.accounts %}
{% set proof = inspection.proofs.get(item.flow.name) %}
<div class="flow"><h3>{{ item.flow.source }} &rarr; {{ item.flow.target }}</h3>
{% if proof %}<p class="small {{ 'good' if proof.holds else 'bad' }}">{{ proof.proved }} of {{ proof.sent }} packets came just as foretold
{%- if proof.answered %}, and {{ proof.answered }} answers{% endif %}.
{%- for problem in proof.problems %} {{ problem }}.{% endfor %}</p>{% endif %}
{% for journey in item.journeys %}
{% if loop.index == 2 %}<details><summary class="small">{{ item.journeys | count - 1 }} other ways</summary>{% endif %}
<p class="soft small">{{ journey.there.outcome }}
{%- if journey.there.probability < 1 %}, {{ "%.0f%%" | format(journey.there.probability * 100) }} of connections{% endif %}
{%- if journey.there.doubts %}; cannot be judged: {{ journey.there.doubts | join("; ") }}{% endif %}</p>
{{ picture(journey | drawn) }}
{{ hop_list(journey.there.hops, sightings.get(item.flow.name)) }}
{% if journey.back %}
<details><summary class="small">The answer: {{ journey.back.outcome }}</summary>
{{ hop_list(journey.back.hops, sightings.get(item.flow.name)) }}</details>
{% endif %}
{% if loop.last and loop.index > 1 %}</details>{% endif %}
{% endfor %}
</div>
{% else %}
<p>No packet was followed.</p>
{% endfor %}
</section>
<section id="nodes"><h2>The nodes' tables</h2>
<p class="soft small">
{%- if inspection.expects %}&#10003; is as it has to be; a missing line, and one too many, are said to be so.{% else %}
What has to be there is known of flannel, and of Calico with VXLAN; here each line is told with what it is for.{% endif %}</p>
{% for node in told %}
<details class="node"{% if loop.first or node.differences %} open{% endif %}><summary>{{ node.name }}
 <span class="soft small">{{ node.addresses | join(", ") }}
 &middot; pods {{ node.pod_ranges | join(", ") }} &middot; {{ node.pods }} running
{%- if node.differences %} &middot; {{ node.differences | count }} differences{% endif %}</span></summary>
{% if node.unknown %}<p class="small bad">{{ node.unknown }}</p>{% endif %}
{% if node.differences %}<ul class="items">{% for item in node.differences[:most_reasons] %}<li>{{ item }}</li>{% endfor %}</ul>{% endif %}
{% for table in node.tables %}
<h4>{{ table.name }} <code>{{ table.command }}</code></h4>
<table class="lines"><tbody>
{% for line in table.lines[:most_lines] %}<tr><td class="{{ line.state }}">{{ marks[line.state] }}</td><td><code>{{ line.text }}</code></td>
<td class="soft">{{ line.why }}
{%- if line.state in ("missing", "extra") %} <b class="{{ line.state }}">{{ line.state }}</b>{% endif %}</td></tr>
{% endfor %}
</tbody></table>
{% if table.lines | count > most_lines %}
<p class="soft small">{{ table.lines | count - most_lines }} more are in network.json.</p>{% endif %}
{% endfor %}
</details>
{% endfor %}
{% if inspection.nodes | count > told | count %}
<p class="soft small">{{ inspection.nodes | count - told | count }} more nodes: no packet here comes by, and nothing differs.</p>
{% endif %}
</section>
</main>
</body>
</html>
"""
