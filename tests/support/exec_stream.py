# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The server's side of a command in a pod, as a handler of http.server: the WebSocket protocol v4.channel.k8s.io."""

from __future__ import annotations

import base64
import hashlib
import struct
from http.server import BaseHTTPRequestHandler

SUCCESS = '{"status": "Success"}'
_ACCEPT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_STDOUT, _ERROR = 1, 3


def is_asked(handler: BaseHTTPRequestHandler) -> bool:
    return handler.headers.get("Upgrade", "").lower() == "websocket"


def accept(handler: BaseHTTPRequestHandler) -> None:
    key = handler.headers["Sec-WebSocket-Key"] + _ACCEPT
    handler.send_response(101)
    handler.send_header("Upgrade", "websocket")
    handler.send_header("Connection", "Upgrade")
    handler.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode(), usedforsecurity=False).digest()).decode())
    handler.send_header("Sec-WebSocket-Protocol", "v4.channel.k8s.io")
    handler.end_headers()


def say(handler: BaseHTTPRequestHandler, output: str) -> None:
    """What the command prints, in pieces that do not end where lines do, as a network cuts them."""
    for start in range(0, len(output), 1000):
        handler.wfile.write(_frame(_STDOUT, output[start : start + 1000]))
    handler.wfile.flush()


def end(handler: BaseHTTPRequestHandler, ending: str = SUCCESS) -> None:
    """``ending``: the kubelet's word on how the command ended."""
    handler.wfile.write(_frame(_ERROR, ending) + b"\x88\x00")
    handler.close_connection = True


def _frame(channel: int, text: str) -> bytes:
    data = bytes([channel]) + text.encode()
    size = bytes([len(data)]) if len(data) < 126 else bytes([126]) + struct.pack(">H", len(data))
    return b"\x82" + size + data
