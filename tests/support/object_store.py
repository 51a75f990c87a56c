# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An API server on 127.0.0.1 that keeps objects as the real one does: resourceVersions, conflicts, preconditions, dry runs.

``before`` is called with method and path ahead of each request and may answer it itself, with a status, or change what is there.
``after`` is called when a request was carried out; what it returns is answered in the place of the truth, like a lost answer.
"""

from __future__ import annotations

import copy
import itertools
import json
import threading
import typing as t
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

Object = dict[str, t.Any]


class ObjectStore:
    """Objects by their path."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.log: list[tuple[str, str]] = []
        #: Of the request that is being carried out.
        self.query: dict[str, str] = {}
        self.before: t.Callable[[str, str], int] = lambda _method, _path: 0
        self.after: t.Callable[[str, str], int] = lambda _method, _path: 0
        self._versions = itertools.count(1)
        self._lock = threading.RLock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"store": self}))
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def writes(self) -> list[tuple[str, str]]:
        """Method and last part of the path of each write that was asked for."""
        return [(method, path.rpartition("/")[2]) for method, path in self.log if method != "GET"]

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def put(self, path: str, item: Object) -> None:
        """Writes it as somebody else would."""
        metadata = {"uid": f"uid-{next(self._versions)}", **item["metadata"], "resourceVersion": str(next(self._versions))}
        self.objects[path] = {**item, "metadata": metadata}

    def handle(self, method: str, path: str, query: dict[str, str], body: Object) -> tuple[int, Object]:
        self.log.append((method, path))
        # Outside the lock, so that it may send requests of its own.
        status = self.before(method, path)
        if status:
            return status, _status(status)
        with self._lock:
            kept = copy.deepcopy(self.objects)
            self.query = query
            code, answer = getattr(self, f"_{method.lower()}")(path, body)
            if _is_dry(method, query, body):
                self.objects = kept
        status = self.after(method, path)
        return (status, _status(status)) if status else (code, answer)

    def _get(self, path: str, _body: Object) -> tuple[int, Object]:
        if path == "/version":
            return 200, {"gitVersion": "v1.33.13", "major": "1", "minor": "33"}
        if path == "/apis":
            return 200, {"kind": "APIGroupList", "groups": []}
        return (200, self.objects[path]) if path in self.objects else (404, _status(404))

    def _post(self, collection: str, body: Object) -> tuple[int, Object]:
        path = f"{collection}/{body['metadata']['name']}"
        if path in self.objects:
            return 409, _status(409)
        self.put(path, body)
        return 201, self.objects[path]

    def _put(self, path: str, body: Object) -> tuple[int, Object]:
        if path not in self.objects:
            return 404, _status(404)
        if body["metadata"].get("resourceVersion") != self.objects[path]["metadata"]["resourceVersion"]:
            return 409, _status(409)
        self.put(path, body)
        return 200, self.objects[path]

    def _delete(self, path: str, body: Object) -> tuple[int, Object]:
        if path not in self.objects:
            return 404, _status(404)
        metadata = self.objects[path]["metadata"]
        if any(metadata[key] != value for key, value in (body.get("preconditions") or {}).items()):
            return 409, _status(409)
        del self.objects[path]
        return 200, _status(200)


def _is_dry(method: str, query: dict[str, str], body: Object) -> bool:
    """A deletion that has a body is a dry run only by what that says."""
    return body.get("dryRun") == ["All"] if method == "DELETE" and body else query.get("dryRun") == "All"


def _status(code: int) -> Object:
    return {"kind": "Status", "code": code, "message": f"status {code}"}


class _Handler(BaseHTTPRequestHandler):
    store: t.ClassVar[ObjectStore]
    # Head and body in one packet: else the kernel holds the second back for 40 ms.
    wbufsize = -1

    def do_GET(self) -> None:
        self._reply("GET")

    def do_POST(self) -> None:
        self._reply("POST")

    def do_PUT(self) -> None:
        self._reply("PUT")

    def do_PATCH(self) -> None:
        self._reply("PATCH")

    def do_DELETE(self) -> None:
        self._reply("DELETE")

    def _reply(self, method: str) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        address = urlsplit(self.path)
        status, answer = self.store.handle(method, address.path, dict(parse_qsl(address.query)), body)
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_words: object) -> None:
        """Tests are quiet."""
