# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every page begins with: the policy that keeps it from loading anything, its style, and whose it is.

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
