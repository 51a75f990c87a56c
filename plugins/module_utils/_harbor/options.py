# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options by which modules reach Harbor. Their documentation is plugins/doc_fragments/harbor.py; change both together.

Private: may change at any time.
"""

from __future__ import annotations

import typing as t
import urllib.parse

from ansible_collections.podnet.cni.plugins.module_utils import _entry, _errors
from ansible_collections.podnet.cni.plugins.module_utils._harbor.api import Harbor
from ansible_collections.podnet.cni.plugins.module_utils._harbor.client import URLLIB3_IMPORT_ERROR, Client

OPTIONS: t.Mapping[str, t.Any] = {
    "url": {"type": "str", "required": True},
    "username": {"type": "str", "default": ""},
    "password": {"type": "str", "default": "", "no_log": True},
    "ca_path": {"type": "path", "default": ""},
    "validate_certs": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 30},
}


def spec(options: t.Mapping[str, t.Any], act: t.Callable[[t.Any], _entry.Result], **rules: t.Any) -> _entry.Spec:
    """What a module is that talks to Harbor; ``options`` are its own."""
    return _entry.Spec({**OPTIONS, **options}, act, libraries={"urllib3": lambda: URLLIB3_IMPORT_ERROR}, **rules)


def connect(call: _entry.Call) -> Harbor:
    """The Harbor of the options. Nothing is asked of it yet."""
    params = call.params
    _hide_password_of(params["url"], call)
    if not params["validate_certs"]:
        call.warn(f"The certificate of {params['url']} is not verified: whoever is between can read and change everything.")
    if params["timeout"] < 1:
        raise _errors.BadInputError(f"{params['timeout']} is no time to wait", "option timeout", "It is at least 1 second.")
    account = params["username"], params["password"]
    settings = {name: params[name] for name in ("ca_path", "validate_certs", "timeout")}
    return Harbor(Client(params["url"], *account, **settings))


def _hide_password_of(url: str, call: _entry.Call) -> None:
    """A password in the address is refused, and shown by nobody."""
    try:
        password = urllib.parse.urlsplit(url).password
    except ValueError:
        return
    if password:
        call.no_log_values |= {password, urllib.parse.unquote(password)}
