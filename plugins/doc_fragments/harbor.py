# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options by which modules reach Harbor. Their argument spec is in module_utils/_harbor/options.py; change both together."""

from __future__ import annotations


class ModuleDocFragment:
    """``podnet.cni.harbor`` is where Harbor is, and the account."""

    DOCUMENTATION = r"""
requirements:
  - urllib3 >= 1.26
options:
  url:
    description: Address of Harbor, scheme, host and port alone, like V(https://harbor.example.com).
    type: str
    required: true
  username:
    description: The account. Without one Harbor is asked as anybody, which few things are open to.
    type: str
    default: ""
  password:
    description: The account's password, or a robot's secret.
    type: str
    default: ""
  ca_path:
    description: A file with the certificates, in PEM form, of the authorities that may vouch for Harbor. The system's when empty.
    type: path
    default: ""
  validate_certs:
    description: Whether Harbor's certificate is verified.
    type: bool
    default: true
  timeout:
    description: Seconds that each answer may take.
    type: int
    default: 30
notes:
  - Requests that change nothing the second time are tried again when Harbor is busy or the connection breaks, a few times.
  - No cookie is ever sent, because Harbor then takes the client for a browser.
"""
