# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs probes in pods: one command a pod, all pods at the same time.

Private: may change at any time.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import probes
from ansible_collections.podnet.cni.plugins.module_utils._kube import client as kube_client

try:
    import websocket
    from kubernetes.stream import stream, ws_client
except ImportError:
    # get_client() has already ended the module when the library is missing
    pass

#: Connections to the API server at the same time.
_PARALLEL = 16


@dataclasses.dataclass(frozen=True)
class Output:
    """What a command printed; ``problem`` is why it may not be all, or ``""``."""

    text: str
    problem: str = ""


def run_probes(client: t.Any, namespace: str, wanted: t.Sequence[probes.Probe]) -> t.Tuple[probes.Reading, ...]:
    """Asks every probe from its source pod; the readings come in the order of ``wanted``."""
    by_source: t.Dict[str, t.List[probes.Probe]] = {}
    for probe in wanted:
        by_source.setdefault(probe.source, []).append(probe)
    if not by_source:
        return ()
    with concurrent.futures.ThreadPoolExecutor(max_workers=min(_PARALLEL, len(by_source))) as pool:
        runs = {source: pool.submit(_run_source, client, namespace, source, own) for source, own in by_source.items()}
        seen = {reading.probe: reading for run in runs.values() for reading in run.result()}
    return tuple(seen[probe] for probe in wanted)


def execute(client: t.Any, namespace: str, pod: str, command: t.Sequence[str], seconds: float, *, container: str = "") -> Output:
    """Runs ``command`` in the pod for at most ``seconds``. What stops it is told in the output, and is no error: it is evidence.

    A pod of several containers needs to be told in which.
    """
    # The stream helper swaps the client's transport while it connects, so threads must not share one client.
    own = kube_client.kubernetes.client.ApiClient(client.configuration)
    own.default_headers.update(client.client.client.default_headers)
    connect = kube_client.kubernetes.client.CoreV1Api(own).connect_get_namespaced_pod_exec
    try:
        which = {"container": container} if container else {}
        session = stream(connect, pod, namespace, command=list(command), stdout=True, stderr=True, _preload_content=False, **which)
    except kube_client.kubernetes.client.exceptions.ApiException as error:
        return Output("", f"no command could be run in the pod: {error.reason}")
    try:
        session.run_forever(timeout=seconds)
    except (websocket.WebSocketException, OSError) as error:
        return Output(session.read_stdout(timeout=0), f"the connection to the pod broke: {error}")
    finally:
        session.close()
    return Output(session.read_channel(ws_client.STDOUT_CHANNEL), _complaint(session.read_channel(ws_client.ERROR_CHANNEL)))


def _run_source(client: t.Any, namespace: str, pod: str, wanted: t.Sequence[probes.Probe]) -> t.Tuple[probes.Reading, ...]:
    output = execute(client, namespace, pod, ["sh", "-c", probes.script(wanted)], probes.longest_run(wanted))
    return probes.readings(wanted, output.text, output.problem)


def _complaint(status: str) -> str:
    """The kubelet's word on how the command ended: nothing when it ended well, a Status object else."""
    if not status:
        return "the command did not end in time"
    try:
        ended = json.loads(status)
    except ValueError:
        return status.strip()
    return "" if ended.get("status") == "Success" else str(ended.get("message") or "the command failed")
