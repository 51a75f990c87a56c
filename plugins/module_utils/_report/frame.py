# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What pages share: the policy that keeps them from loading anything, their style, whose they are, and the cards on top.

A Python text, because Ansible carries only Python to where a module runs. Private: may change at any time.
"""

from __future__ import annotations

HEAD = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>{{ headline }}</title>
<style>{% include "style" %}</style>
</head>
"""

BRAND = """\
<svg class="mark" viewBox="0 0 18 18" aria-hidden="true">
<path d="M4 4 L14 4 L9 14 Z"/><circle cx="4" cy="4" r="3"/>
<circle cx="14" cy="4" r="3"/><circle cx="9" cy="14" r="3"/></svg><b>podnet.cni</b>"""

CARDS = """\
<dl class="cards">
{% for card in cards %}
<div class="card"><dt>{{ card.label }}</dt><dd class="{{ card.tone }}">{{ card.value }}</dd><small>{{ card.note }}</small></div>
{% endfor %}
</dl>
"""
