# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page's style sheet. It is in the page itself, and names nothing outside of it.

A Python text, because Ansible carries only Python to where a module runs.
Private: may change at any time.
"""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --back: #f4f6f9; --face: #ffffff; --sunk: #f0f2f6; --text: #171c28; --soft: #5a6476; --line: #e2e6ed; --accent: #2563eb;
  --good: #157a3c; --good-back: #e3f5e9; --warn: #a14b04; --warn-back: #fdf1dc; --bad: #bf2222; --bad-back: #fde8e8;
  --heat0: #d8f1e0; --heat1: #ecf3c4; --heat2: #fde6ac; --heat3: #fbc49a; --heat4: #f39b98; --bar: #4f86f7; --blink: #e89005;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #0d1117; --face: #151b24; --sunk: #1c232e; --text: #e6eaf1; --soft: #95a0b3; --line: #28303c; --accent: #7aa8ff;
    --good: #56d387; --good-back: #11301d; --warn: #f3b54a; --warn-back: #33240c; --bad: #fb8080; --bad-back: #3a1719;
    --heat0: #143a25; --heat1: #363f15; --heat2: #54400d; --heat3: #643310; --heat4: #6d2023; --bar: #4577dd; --blink: #f3b54a;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--back); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif;
}
main { max-width: 1120px; margin: 0 auto; padding: 28px 20px 56px; }
h1 { font-size: clamp(1.6rem, 4.4vw, 2.3rem); line-height: 1.15; letter-spacing: -.02em; margin: 10px 0 6px; }
h2 { font-size: 1.15rem; letter-spacing: -.01em; margin: 0 0 4px; }
h3 { font-size: .95rem; margin: 0 0 10px; }
p { margin: 0; }
code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace; font-size: .86em; }
.soft { color: var(--soft); }
.small { font-size: .85rem; }
.brand { display: flex; align-items: center; gap: 12px; justify-content: space-between; color: var(--soft); font-size: .9rem; }
.brand b { color: var(--text); letter-spacing: -.01em; }
.mark { display: inline-block; width: 18px; height: 18px; vertical-align: -4px; margin-right: 7px; }
.mark circle { fill: var(--accent); }
.mark path { stroke: var(--accent); stroke-width: 2; fill: none; }
.pill { display: inline-block; border-radius: 99px; padding: 3px 12px; font-weight: 600; font-size: .85rem; white-space: nowrap; }
.pill.passed { color: var(--good); background: var(--good-back); }
.pill.unfinished { color: var(--warn); background: var(--warn-back); }
.pill.failed { color: var(--bad); background: var(--bad-back); }
.reasons { margin: 14px 0 0; padding: 12px 16px 12px 34px; border-radius: 12px; background: var(--bad-back); color: var(--bad); }
.reasons.unfinished { background: var(--warn-back); color: var(--warn); }
.reasons li { overflow-wrap: anywhere; }
.cards { display: grid; grid-template-columns: repeat(5, 1fr); gap: 14px; margin: 22px 0; }
.card { background: var(--face); border: 1px solid var(--line); border-radius: 14px; padding: 14px 16px; min-width: 0; }
.card dt { color: var(--soft); font-size: .82rem; }
.card dd { margin: 2px 0 0; font-size: 1.5rem; font-weight: 650; letter-spacing: -.02em; line-height: 1.2; overflow-wrap: anywhere; }
.card dd.good { color: var(--good); } .card dd.bad { color: var(--bad); } .card dd.warn { color: var(--warn); }
.card small { display: block; color: var(--soft); font-size: .8rem; margin-top: 4px; line-height: 1.35; overflow-wrap: anywhere; }
section { background: var(--face); border: 1px solid var(--line); border-radius: 16px; padding: 20px; margin: 16px 0; }
section > .soft:first-of-type { margin-bottom: 16px; }
.steps { list-style: none; margin: 0; padding: 0; }
.step, .axis { display: grid; grid-template-columns: 230px 1fr 76px; gap: 2px 16px; align-items: center; }
.step { padding: 7px 0; border-top: 1px solid var(--line); }
.step:first-child { border-top: 0; }
.step .name { grid-row: span 2; font-weight: 550; overflow-wrap: anywhere; line-height: 1.3; }
.step .name small { display: block; color: var(--soft); font-weight: 400; font-size: .8rem; }
.step .took { text-align: right; font-variant-numeric: tabular-nums; color: var(--soft); font-size: .9rem; white-space: nowrap; }
.step .note { grid-column: 2 / 4; color: var(--soft); font-size: .82rem; overflow-wrap: anywhere; }
.step .note.failed, .step .note.interrupted { color: var(--bad); }
.track { display: block; width: 100%; height: 16px; }
.track .rail { fill: var(--sunk); } .track .break { fill: var(--face); }
.track .bar { fill: var(--bar); } .track .bar.failed { fill: var(--bad); } .track .bar.interrupted { fill: var(--warn); }
.track .bar.started { fill: var(--accent); opacity: .55; }
.track .blink { fill: var(--blink); }
.track .gap { fill: var(--bad); }
.axis { color: var(--soft); font-size: .76rem; font-variant-numeric: tabular-nums; margin-top: 4px; }
.axis div { position: relative; height: 18px; grid-column: 2; }
.axis span { position: absolute; transform: translateX(-50%); white-space: nowrap; }
.axis span.first { transform: none; } .axis span.last { transform: translateX(-100%); }
.legend { display: flex; flex-wrap: wrap; gap: 6px 16px; margin-top: 14px; color: var(--soft); font-size: .8rem; }
.legend i { display: inline-block; width: 14px; height: 14px; border-radius: 4px; vertical-align: -2px; margin-right: 6px; }
.grids { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 22px 26px; }
.grids + .legend { margin-top: 18px; }
.grid { min-width: 0; }
.scroll { overflow-x: auto; overflow-y: hidden; -webkit-overflow-scrolling: touch; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th { text-align: left; font-weight: 500; color: var(--soft); font-size: .8rem; }
.heat { border-collapse: separate; border-spacing: 4px; }
.heat th { padding: 2px 6px; white-space: nowrap; } .heat thead th { text-align: center; }
.heat th:first-child { width: 1%; padding-left: 0; text-align: left; }
.heat td {
  text-align: center; border-radius: 8px; padding: 6px 4px; min-width: 56px; line-height: 1.2; font-variant-numeric: tabular-nums;
}
.heat td b { display: block; font-weight: 600; } .heat td small { font-size: .74rem; opacity: .75; white-space: nowrap; }
.heat td.none { background: var(--sunk); color: var(--soft); }
.h0 { background: var(--heat0); } .h1 { background: var(--heat1); } .h2 { background: var(--heat2); }
.h3 { background: var(--heat3); } .h4 { background: var(--heat4); }
.hbar { background: var(--bar); } .hblink { background: var(--blink); } .hgap { background: var(--bad); }
.list td, .list th { padding: 8px 10px 8px 0; border-top: 1px solid var(--line); vertical-align: top; }
.list thead th { border-top: 0; padding-top: 0; }
.list td { overflow-wrap: anywhere; }
.list .number { text-align: right; padding-right: 26px; font-variant-numeric: tabular-nums; white-space: nowrap; }
.list tr.changed td:last-child { font-weight: 550; } .list tr.changed td:nth-child(2) { color: var(--soft); }
.nodes { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 330px), 1fr)); gap: 14px; }
.node { border: 1px solid var(--line); border-radius: 12px; padding: 14px 16px 8px; min-width: 0; }
.node table { font-size: .86rem; }
.node table, .wide table { table-layout: fixed; }
.node th:first-child { width: 30%; } .wide th:first-child { width: 20%; }
.check {
  display: grid; grid-template-columns: 22px minmax(150px, 220px) 1fr; gap: 2px 10px; padding: 8px 0; border-top: 1px solid var(--line);
}
.check:first-of-type { border-top: 0; }
.check .seen { overflow-wrap: anywhere; } .check .more { grid-column: 3; color: var(--soft); font-size: .88rem; overflow-wrap: anywhere; }
.check .id { overflow-wrap: anywhere; }
.sign { font-weight: 700; text-align: center; }
.sign.passed { color: var(--good); } .sign.failed { color: var(--bad); } .sign.warning { color: var(--warn); }
.sign.skipped, .sign.info { color: var(--soft); }
details { margin-top: 14px; }
summary { cursor: pointer; color: var(--accent); font-weight: 550; }
summary + * { margin-top: 12px; }
.items { columns: 3 280px; margin: 0 0 16px; padding-left: 18px; } .items li { overflow-wrap: anywhere; font-size: .88rem; }
.nothing { color: var(--good); font-weight: 600; }
footer { color: var(--soft); font-size: .82rem; margin-top: 22px; }
@media (max-width: 900px) { .cards { grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); } }
@media (max-width: 640px) {
  main { padding: 18px 12px 40px; }
  section { padding: 16px 14px; border-radius: 14px; }
  .cards { gap: 10px; grid-template-columns: 1fr 1fr; }
  .card { padding: 12px 13px; } .card dd { font-size: 1.3rem; }
  .card:first-child { grid-column: 1 / 3; } .card:first-child dd { font-size: 1.7rem; }
  .step { grid-template-columns: 1fr auto; } .step .name { grid-row: auto; } .step .track { grid-column: 1 / 3; grid-row: 2; height: 12px; }
  .step .note { grid-column: 1 / 3; }
  .axis { grid-template-columns: 1fr; } .axis div { grid-column: 1; }
  .axis span.middle { display: none; }
  .grids { grid-template-columns: 1fr; }
  .check { grid-template-columns: 22px 1fr; } .check .seen, .check .more { grid-column: 2; }
  .heat th { white-space: normal; } .heat td { min-width: 46px; } .heat td small { font-size: .7rem; }
  .stack thead { display: none; }
  .stack tr { display: flex; flex-wrap: wrap; gap: 0 12px; border-top: 1px solid var(--line); padding: 9px 0; }
  .stack tr:first-child { border-top: 0; }
  .stack td { border: 0; padding: 0; color: var(--soft); font-size: .85rem; } .stack td.empty { display: none; }
  .stack td.lead { flex: 1 1 65%; color: var(--text); font-size: .9rem; font-weight: 550; }
  .stack td.number { padding: 0; color: var(--text); font-size: .9rem; font-weight: 550; }
  .wide th:first-child { width: 26%; }
}
@media print {
  body { background: none; } section, .card { break-inside: avoid; } details > summary { display: none; }
}
"""
