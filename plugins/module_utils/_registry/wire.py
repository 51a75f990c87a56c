# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP, and nothing of what registries are: connections, TLS, redirects, and failures as errors of ours.

Cookies are never kept: Harbor asks whoever sends its session's cookie for a CSRF token. Errors name a URL without its query, which
may hold a signature. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import errno
import os
import socket
import ssl
import threading
import traceback
import typing as t
import urllib.parse

from ansible_collections.podnet.cni.plugins.module_utils import _errors

try:
    import urllib3
    from urllib3 import exceptions
except ImportError:
    URLLIB3_IMPORT_ERROR: t.Optional[str] = traceback.format_exc()
    LIBRARY_ERRORS: t.Tuple[t.Type[Exception], ...] = (OSError,)
else:
    URLLIB3_IMPORT_ERROR = None
    #: What sending and reading raise.
    LIBRARY_ERRORS = (exceptions.HTTPError, OSError)

#: Bytes in one step of a transfer.
CHUNK = 256 * 1024
CONNECT_SECONDS = 10.0
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
_AGENT = "podnet.cni"
#: Name resolution says that there is no such name, not that it could not ask.
_NO_SUCH_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}

Headers = t.Mapping[str, str]
Response = t.Any  # urllib3.response.BaseHTTPResponse; the library may be missing


class TransientError(_errors.RegistryError):
    """The same request may work later; ``asked`` are the seconds that the other side wants to be left alone, if it said so."""

    asked: t.Optional[float] = None
    #: Whether there was no connection at all.
    is_down = False
    #: Whether the other side said that it has too much to do.
    is_overload = False


@dataclasses.dataclass(frozen=True)
class HostSettings:
    """How to reach a host, named as in references: ``harbor.example:8443``."""

    host: str
    #: Certificates to trust beside the system's, a file in PEM.
    ca_file: str = ""
    #: Whether the host speaks HTTP without TLS.
    plain_http: bool = False
    #: Whether anybody may say to be that host.
    insecure: bool = False
    #: The host that is asked in its place, empty for itself.
    endpoint: str = ""


def shown(url: str) -> str:
    """The URL without its query and without a user."""
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


class Wire:
    """Connections to all hosts; may be used by many threads."""

    def __init__(self, settings: t.Iterable[HostSettings], connections: int, timeout: float) -> None:
        self._settings = {entry.host: entry for entry in settings}
        self._connections = connections
        self._timeout = timeout
        self._managers: t.Dict[str, t.Any] = {}
        self._lock = threading.Lock()

    def settings(self, host: str) -> HostSettings:
        """What is known of a host; TLS with the system's certificates where nothing is."""
        return self._settings.get(host) or HostSettings(host)

    def origin(self, host: str) -> str:
        """The beginning of the host's URLs, or of those of its endpoint."""
        settings = self.settings(host)
        return f"{'http' if settings.plain_http else 'https'}://{settings.endpoint or host}"

    def send(self, method: str, url: str, headers: Headers, body: t.Any = None) -> Response:
        """The answer, its body not yet read; whoever gets it reads it to the end or closes it.

        Raises TransientError when the connection fails in a way that may pass, RegistryError when it does not.
        """
        parts = urllib.parse.urlsplit(url)
        try:
            return self._manager(parts.scheme, parts.netloc).urlopen(
                method, url, body=body, headers={"User-Agent": _AGENT, **headers}, retries=False, redirect=False, **_UNREAD
            )
        except LIBRARY_ERRORS as error:
            raise self._failure(error, parts.scheme, parts.netloc) from error

    def follow(self, method: str, url: str, headers: Headers) -> Response:
        """As `send` without a body, at the place where redirects lead to. Another host does not get the Authorization.

        A link from TLS to plain HTTP on the same host is a proxy's mistake and is taken with TLS; to another host it is refused.
        """
        for _ in range(_MOST_REDIRECTS):
            response = self.send(method, url, headers)
            location = response.headers.get("Location")
            if response.status not in _REDIRECTS or not location:
                return response
            response.drain_conn()
            response.release_conn()
            there = self.beside(url, location)
            if _origin(there) != _origin(url):
                headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
            url = there
        raise _errors.RegistryError(f"more than {_MOST_REDIRECTS} redirects, the last to {shown(url)}", _host(url))

    def beside(self, url: str, location: str) -> str:
        """The URL that a Location in the answer to ``url`` means. Raises RegistryError if it leaves TLS."""
        there = urllib.parse.urljoin(url, location)
        before, after = urllib.parse.urlsplit(url), urllib.parse.urlsplit(there)
        if after.scheme not in ("http", "https"):
            raise _errors.RegistryError(f"it points to {shown(there)}, which is no web address", before.netloc)
        if before.scheme == "https" and after.scheme == "http":
            if after.hostname == before.hostname:
                # The proxy that ends TLS did not tell the registry, which then also leaves out the port that it cannot know.
                return urllib.parse.urlunsplit(("https", before.netloc, *after[2:]))
            if not self.settings(after.netloc).plain_http:
                raise _errors.RegistryError(f"it points to {shown(there)}, which is without TLS", before.netloc)
        return there

    def _manager(self, scheme: str, host: str) -> t.Any:
        with self._lock:
            key = f"{scheme}://{host}"
            if key not in self._managers:
                self._managers[key] = self._made(scheme, host)
            return self._managers[key]

    def _made(self, scheme: str, host: str) -> t.Any:
        options: t.Dict[str, t.Any] = {
            # A copy within one registry has two at a time.
            "maxsize": 2 * self._connections,
            "blocksize": CHUNK,
            "timeout": urllib3.Timeout(connect=min(CONNECT_SECONDS, self._timeout), read=self._timeout),
        }
        if scheme == "https":
            options["ssl_context"] = self._context(self.settings(host))
        proxy = _proxy(scheme, host)
        return urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)

    def _context(self, settings: HostSettings) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if settings.insecure:
            # Whoever wishes it need not hear of it at each request.
            urllib3.disable_warnings(exceptions.InsecureRequestWarning)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if settings.ca_file:
            try:
                context.load_verify_locations(cafile=settings.ca_file)
            except OSError as error:  # ssl.SSLError is one
                raise _errors.BadInputError(
                    f"{settings.ca_file} cannot be used: {error}", f"CA file of {settings.host}", "Name a file of certificates in PEM."
                ) from error
        return context

    def _failure(self, error: Exception, scheme: str, host: str) -> _errors.RegistryError:
        cause = error.__cause__ or error.__context__
        if isinstance(cause, socket.gaierror) and cause.errno in _NO_SUCH_NAME:
            return _errors.RegistryError("there is no host of that name", host, "Check the reference, or this machine's name resolution.")
        tls = _tls_problem(error)
        if tls:
            return _tls_failure(tls, host)
        if scheme == "http" and isinstance(error, exceptions.LocationValueError):
            return _errors.RegistryError("that is no host", host)
        return failed(error, host)


#: A body is read in steps, as it is: whatever its encoding, its bytes have the digest.
_UNREAD: t.Mapping[str, t.Any] = {"preload_content": False, "decode_content": False, "assert_same_host": False}


def _proxy(scheme: str, host: str) -> t.Optional[str]:
    """The proxy that the environment names for a host."""
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    # Half of what all of this takes to import, and mostly for nothing.
    from urllib import request  # noqa: PLC0415  # see above

    return None if request.proxy_bypass(host) else request.getproxies().get(scheme)


def failed(error: Exception, host: str) -> TransientError:
    """A connection that broke, was refused, or took too long."""
    if isinstance(error, (exceptions.TimeoutError, socket.timeout)) and not isinstance(error, exceptions.NewConnectionError):
        what = "no answer in time"
    elif isinstance(error, exceptions.IncompleteRead) or isinstance(getattr(error, "__cause__", None), exceptions.IncompleteRead):
        what = "the transfer ended too early"
    elif _is_refused(error):
        what = "nothing listens there"
    else:
        what = "the connection broke"
    transient = TransientError(what, host, "Check that the registry runs and can be reached from this machine.")
    transient.is_down = isinstance(error, (exceptions.NewConnectionError, exceptions.ConnectTimeoutError, exceptions.ProxyError))
    return transient


def _is_refused(error: Exception) -> bool:
    cause = error.__cause__ or error.__context__
    return isinstance(cause, OSError) and cause.errno == errno.ECONNREFUSED


def _tls_problem(error: Exception) -> str:
    """What is wrong with TLS; empty if it is something else, such as a connection that broke in the middle of it."""
    inner = error.args[0] if error.args and isinstance(error.args[0], Exception) else error
    if isinstance(inner, ssl.SSLCertVerificationError):
        return getattr(inner, "verify_message", "") or "it cannot be verified"
    reason = getattr(inner, "reason", "") if isinstance(inner, ssl.SSLError) else ""
    return "not TLS" if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST") else ""


def _tls_failure(problem: str, host: str) -> _errors.RegistryError:
    if problem == "not TLS":
        return _errors.RegistryError("what answers there does not speak TLS", host, "Set plain_http for this host if that is meant.")
    return _errors.RegistryError(
        f"its certificate is not accepted: {problem}", host, "Name the certificates to trust as ca_file of this host in the option hosts."
    )


def _origin(url: str) -> t.Tuple[str, str]:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.netloc


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).netloc
