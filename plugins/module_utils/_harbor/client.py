# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP with Harbor: Basic authentication, no cookies, errors a person can act on. Private: may change at any time."""

from __future__ import annotations

import json
import os
import traceback
import typing as t
import urllib.parse

from ansible_collections.podnet.cni.plugins.module_utils import _errors

try:
    import urllib3
except ImportError:
    URLLIB3_IMPORT_ERROR: t.Optional[str] = traceback.format_exc()
    _Retry: t.Any = object
else:
    URLLIB3_IMPORT_ERROR = None
    _Retry = urllib3.Retry

BASE = "/api/v2.0"
#: The most that Harbor gives at once.
_PAGE = 100
_LONGEST_PAUSE = 30.0
_BUSY = (429, 500, 502, 503, 504)
_NEXT_STEPS = {
    401: "Check username and password.",
    403: "Use an account that may do this; nothing can be written while Harbor is read-only.",
    404: "Check the name, and that url is Harbor's.",
    412: "Something of it is protected or in use: read the message.",
    413: "What is in front of Harbor limits the size of requests.",
    429: "Harbor or what is in front of it is busy: try again later.",
}


class RefusedError(_errors.HarborError):
    """Harbor answered with an error. ``status`` is HTTP's."""

    def __init__(self, status: int, what: str, where: str) -> None:
        super().__init__(what, where, _NEXT_STEPS.get(status, "Look into Harbor's log if it goes on." if status >= 500 else ""))
        self.status = status


class _Patience(_Retry):
    """Retries that wait as long as they are told, within reason: some servers send an epoch number where seconds belong."""

    def get_retry_after(self, response: t.Any) -> t.Optional[float]:
        try:
            told = super().get_retry_after(response)
        except urllib3.exceptions.InvalidHeader:
            return None
        return None if told is None else min(float(told), _LONGEST_PAUSE)


class Client:
    """One Harbor as one account sees it; without ``username`` as anybody does. Raises BadInputError for what is no address of a Harbor."""

    def __init__(
        self,
        url: str,
        username: str = "",
        password: str = "",
        *,
        ca_path: str = "",
        validate_certs: bool = True,
        timeout: float = 30.0,
    ) -> None:
        self.url, self.host = _address(url)
        self._settings: t.Dict[str, t.Any] = {"ca_path": ca_path, "validate_certs": validate_certs, "timeout": timeout}
        self._password = password
        # Cookies are never kept: with one, Harbor takes the client for a browser and asks for a CSRF token.
        self._headers = dict(urllib3.make_headers(basic_auth=f"{username}:{password}")) if username else {}
        self._headers["Accept"] = "application/json"
        if ca_path and not os.path.isfile(ca_path):
            raise _errors.BadInputError("there is no such file", f"ca_path {ca_path}", "Name a file with certificates in PEM form.")
        if not validate_certs:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=min(timeout, 10.0), read=timeout),
            cert_reqs="CERT_REQUIRED" if validate_certs else "CERT_NONE",
            ca_certs=ca_path or None,
            retries=_Patience(
                total=5,
                connect=2,
                read=2,
                status=4,
                # A certificate does not get better.
                other=0,
                status_forcelist=_BUSY,
                allowed_methods=("GET", "HEAD", "PUT", "DELETE"),
                backoff_factor=0.5,
                raise_on_status=False,
            ),
        )

    def as_account(self, username: str, password: str) -> Client:
        """The same Harbor as another account sees it."""
        return Client(self.url, username, password, **self._settings)

    def ask(self, method: str, path: str, body: t.Any = None, query: t.Optional[t.Mapping[str, t.Any]] = None) -> t.Any:
        """What Harbor answers below its API, out of JSON; None where it has nothing to say. Raises RefusedError and HarborError."""
        response = self.request(method, BASE + path + (f"?{urllib.parse.urlencode(query)}" if query else ""), body)
        where = f"{method} {self.url}{BASE}{path}"
        if response.status >= 400:
            raise RefusedError(response.status, self._told(response), where)
        if response.status >= 300:
            place = _without_query(response.headers.get("Location", "nowhere"))
            raise _errors.HarborError(f"leads to {place}", where, "Set url to where Harbor itself answers.")
        return self._read(response.data, where)

    def pages(self, path: str, query: t.Optional[t.Mapping[str, t.Any]] = None) -> t.List[t.Mapping[str, t.Any]]:
        """All items of a list."""
        items: t.List[t.Mapping[str, t.Any]] = []
        page = 0
        while len(items) == page * _PAGE:
            page += 1
            found = self.ask("GET", path, query={**(query or {}), "page": page, "page_size": _PAGE})
            if not found:
                break
            items += found
        return items

    def request(self, method: str, path: str, body: t.Any = None) -> t.Any:
        """The answer as it is. Raises HarborError where there is none."""
        data = None if body is None else json.dumps(body).encode()
        # Names of projects, never ids: those of digits alone would else be taken for one.
        headers = {**self._headers, "X-Is-Resource-Name": "true", **({"Content-Type": "application/json"} if data else {})}
        try:
            return self._pool.request(method, self.url + path, body=data, headers=headers, redirect=False)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            advice = "Check url, and that Harbor runs; for a certificate of an authority of your own set ca_path."
            raise _errors.HarborError(f"does not answer: {self._reason(error)}", self.url, advice) from error

    def _told(self, response: t.Any) -> str:
        """Harbor's own words, from both of its forms; those of a proxy in front of it are HTML, of which only the status is told."""
        try:
            document = json.loads(response.data)
            words = [f"{error.get('message') or error.get('code')}" for error in document["errors"]]
        except (ValueError, KeyError, TypeError, AttributeError):
            words = []
        return self._clean(f"answers {response.status}" + (f": {'; '.join(words)}" if words else ""))

    def _read(self, data: bytes, where: str) -> t.Any:
        if not data.strip():
            return None
        try:
            return json.loads(data)
        except ValueError as error:
            raise _errors.HarborError("answers with something that is no JSON", where, "Check that url is Harbor's.") from error

    def _reason(self, error: BaseException) -> str:
        """What lies under urllib3's wrapping."""
        return self._clean(str(getattr(error, "reason", None) or error))

    def _clean(self, text: str) -> str:
        return text.replace(self._password, "********") if self._password else text


def _address(url: str) -> t.Tuple[str, str]:
    """The address without a slash at its end, and its host with the port."""
    try:
        parts = urllib.parse.urlsplit(url)
        known = bool(parts.hostname) and (parts.port or True)
    except ValueError:
        known = False
    if not known or parts.scheme not in ("http", "https"):
        raise _errors.BadInputError("this is no address of a Harbor", "option url", "Write it as https://harbor.example.com.")
    if "@" in parts.netloc:
        raise _errors.BadInputError("the address has a user in it", "option url", "Set username and password instead.")
    if parts.query or parts.fragment or parts.path.strip("/"):
        raise _errors.BadInputError(f"the address goes on after the host: {parts.path}", "option url", "Leave out all after host and port.")
    return f"{parts.scheme}://{parts.netloc}", parts.netloc


def _without_query(url: str) -> str:
    return url.partition("?")[0]
