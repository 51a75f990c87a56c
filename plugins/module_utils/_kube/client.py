# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way to the API server: kubernetes.core's client, and errors a person can act on.

Private: may change at any time.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import traceback
import typing as t

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC
from ansible_collections.kubernetes.core.plugins.module_utils.k8s.client import K8SClient, get_api_client
from ansible_collections.kubernetes.core.plugins.module_utils.k8s.exceptions import CoreException

from ansible_collections.podnet.cni.plugins.module_utils import _entry, _errors

try:
    import kubernetes
    import urllib3
    import yaml
except ImportError:
    KUBERNETES_IMPORT_ERROR: t.Optional[str] = traceback.format_exc()
else:
    KUBERNETES_IMPORT_ERROR = None

__all__ = [
    "AUTH_ARG_SPEC",
    "AbsentError",
    "ConflictError",
    "FieldConflictError",
    "RefusedError",
    "api_errors",
    "get_client",
    "kubernetes",
    "spec",
]

#: The client library sets no timeout while it discovers the API: behind a packet filter that drops, it would wait for minutes.
CONNECT_DEADLINE = 60

_DEFAULT_KUBECONFIG = "~/.kube/config"


class AbsentError(_errors.ClusterError):
    """The object is not there, or its kind is not served."""


class ConflictError(_errors.ClusterError):
    """The object is not the one, or not in the state, that the request is about."""


class FieldConflictError(ConflictError):
    """Others own fields that would be applied with another value; ``owned`` has (manager, path of the field)."""

    owned: t.Tuple[t.Tuple[str, str], ...] = ()


class RefusedError(_errors.ClusterError):
    """The API server understood the request, and a rule of the cluster says no."""


_KINDS: t.Mapping[int, t.Type[_errors.ClusterError]] = {
    403: RefusedError,
    404: AbsentError,
    409: ConflictError,
    422: RefusedError,
    **dict.fromkeys((429, 500, 502, 503, 504), _errors.UnavailableError),
}


def spec(
    options: t.Mapping[str, t.Any],
    act: t.Callable[[t.Any], _entry.Result],
    libraries: t.Optional[t.Mapping[str, t.Callable[[], t.Optional[str]]]] = None,
    **rules: t.Any,
) -> _entry.Spec:
    """A module that talks to the API server: its own options, what it does, libraries beside the client, how its options go together."""
    needed = {"kubernetes": lambda: KUBERNETES_IMPORT_ERROR, **(libraries or {})}
    return _entry.Spec({**AUTH_ARG_SPEC, **options}, act, libraries=needed, at_exit=_remover_of_keys(), **rules)


def _remover_of_keys() -> t.Optional[t.Callable[[], None]]:
    """The library writes the certificate and the key of a kubeconfig to files, and removes them with this when its process ends."""
    if KUBERNETES_IMPORT_ERROR is not None:
        return None
    remover: t.Optional[t.Callable[[], None]] = getattr(kubernetes.config.kube_config, "_cleanup_temp_files", None)
    return remover


def get_client(call: _entry.Call, deadline: int = CONNECT_DEADLINE) -> K8SClient:
    """A client that has spoken to the API server once. Raises ClusterError."""
    options = {name: call.params.get(name) for name in AUTH_ARG_SPEC}
    path = _path(options.get("kubeconfig"))
    # The argument spec hides this option, because it may hold a whole kubeconfig. A path is no secret, and errors must name it.
    call.no_log_values.discard(path)
    _check_kubeconfig(options)
    with _within(deadline), _kubeconfig_errors(options), _no_kubernetes(), api_errors("API server"):
        return get_api_client(**options)


@contextlib.contextmanager
def api_errors(where: str) -> t.Iterator[None]:
    """Turns what the client library raises into ClusterError."""
    try:
        yield
    except kubernetes.client.exceptions.ApiException as error:
        raise _refused(error, where) from error
    except urllib3.exceptions.HTTPError as error:
        raise _errors.UnavailableError(
            f"the API server is not reachable: {_root(error)}",
            where,
            "Check the server's address in the kubeconfig, its certificate, and the network between here and there.",
        ) from error


def _refused(error: t.Any, where: str) -> _errors.ClusterError:
    advice = {
        401: "The kubeconfig's user is not known or its certificate has expired: get a fresh kubeconfig.",
        403: "Give the kubeconfig's user this right (preflight and migration need cluster-admin).",
    }
    words = {
        401: "the API server does not accept the credentials (unauthorized)",
        403: f"the API server forbids it: {_message(error)}",
        404: f"the API server has no such object: {_message(error)}",
    }
    what = words.get(error.status, f"the API server answered {error.status}: {_message(error)}")
    owned = _owned(error) if error.status == 409 else ()
    if owned:
        conflict = FieldConflictError(what, where)
        conflict.owned = owned
        return conflict
    kind = _KINDS.get(error.status, _errors.ClusterError)
    return kind(what, where, advice.get(error.status, "See the API server's log."))


def _message(error: t.Any) -> str:
    """The message of the Status object in the answer's body, else the reason phrase."""
    return str(_status(error).get("message") or error.reason)


def _status(error: t.Any) -> t.Dict[str, t.Any]:
    """The Status object in the answer's body; empty when there is none."""
    body = error.body.decode("utf-8", "replace") if isinstance(error.body, bytes) else error.body
    try:
        status = json.loads(body or "")
    except ValueError:
        return {}
    return status if isinstance(status, dict) else {}


def _owned(error: t.Any) -> t.Tuple[t.Tuple[str, str], ...]:
    """(manager, path) of each field that another manager owns. The server tells the manager in words: ``conflict with "kubectl" using``."""
    causes = (_status(error).get("details") or {}).get("causes") or ()
    conflicts = [cause for cause in causes if cause.get("reason") == "FieldManagerConflict"]
    return tuple((_quoted(str(cause.get("message"))), str(cause.get("field"))) for cause in conflicts)


def _quoted(text: str) -> str:
    parts = text.split('"')
    return parts[1] if len(parts) > 2 else text


def _root(error: BaseException) -> str:
    """The reason behind the retries, without the request it repeats."""
    return str(getattr(error, "reason", None) or error)


def _kubeconfig(options: t.Mapping[str, t.Any]) -> t.Any:
    return options.get("kubeconfig") or os.environ.get("K8S_AUTH_KUBECONFIG")


def _path(kubeconfig: t.Any) -> str:
    """The option as a path; empty when it is none, but the configuration itself, which is a mapping or its text."""
    return kubeconfig if isinstance(kubeconfig, str) and not any(sign in kubeconfig for sign in "\n{") else ""


def _check_kubeconfig(options: t.Mapping[str, t.Any]) -> None:
    """A kubeconfig that was named must be there: the library would only say that it is invalid."""
    named = _path(_kubeconfig(options))
    if named and not pathlib.Path(named).expanduser().is_file():
        raise _errors.ClusterError(
            f"there is no kubeconfig {named}",
            "kubeconfig",
            "Name the cluster's kubeconfig on this machine: option or inventory variable kubeconfig.",
        )


@contextlib.contextmanager
def _kubeconfig_errors(options: t.Mapping[str, t.Any]) -> t.Iterator[None]:
    named = _kubeconfig(options)
    place = _path(named) or "kubeconfig"
    try:
        yield
    except CoreException as error:
        if not named and not options.get("context"):
            raise _not_found(error) from error
        raise _errors.ClusterError(
            f"the kubeconfig cannot be used: {error}", place, "Check that `kubectl get nodes` works with it."
        ) from error
    # A file that is YAML but no kubeconfig, and a server that speaks no Kubernetes, make the library stumble over its own
    # assumptions, in one of these ways.
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        problem = " ".join(str(error).split())
        what = f"this is no kubeconfig, or its server is no Kubernetes API server: {problem}"
        raise _errors.ClusterError(what, place, "Name the file kubectl uses for this cluster.") from error


@contextlib.contextmanager
def _no_kubernetes() -> t.Iterator[None]:
    """The first questions have an answer on every Kubernetes API server."""
    try:
        yield
    except AbsentError as error:
        raise _errors.ClusterError(
            "something answers at the server's address, but it is no Kubernetes API server",
            error.where,
            "Check the server's address in the kubeconfig.",
        ) from error


def _not_found(error: Exception) -> _errors.ClusterError:
    searched = [
        "option kubeconfig (not given)",
        "variable K8S_AUTH_KUBECONFIG (not set)",
        f"variable KUBECONFIG ({os.environ.get('KUBECONFIG') or 'not set'})",
        f"file {_DEFAULT_KUBECONFIG}",
        "a pod's service account (not in a pod)",
    ]
    return _errors.ClusterError(
        f"no kubeconfig found ({error}); looked at: {', '.join(searched)}",
        "kubeconfig",
        "Set kubeconfig in the inventory to the cluster's file.",
    )


@contextlib.contextmanager
def _within(seconds: int) -> t.Iterator[None]:
    """Raises ClusterError when the block takes longer. Modules are one thread, so the alarm finds the block wherever it waits."""

    def _expired(_signal: int, _frame: t.Any) -> None:
        raise _errors.UnavailableError(
            f"the API server is not reachable: no answer within {seconds} s",
            "API server",
            "Check the server's address in the kubeconfig and the network between here and there.",
        )

    before = signal.signal(signal.SIGALRM, _expired)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
