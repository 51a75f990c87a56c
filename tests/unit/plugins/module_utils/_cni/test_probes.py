# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The script is run for real: by sh, against listeners on this machine, with a stand-in for agnhost."""

from __future__ import annotations

import contextlib
import http.server
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import time
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import probes
from ansible_collections.podnet.cni.plugins.module_utils._cni.probes import BROKEN, CONNECT, HTTP, REACHED, REFUSED, ROUTE, SILENT, UNREAD

# Says what agnhost says, by its documentation, and exits as it exits.
AGNHOST = f"""#!{sys.executable}
import socket, sys
host, port = sys.argv[2].rsplit(":", 1)
assert sys.argv[1] == "connect" and sys.argv[3:] == ["--timeout=2s", "--protocol=tcp"], sys.argv
try:
    socket.create_connection((host.strip("[]"), int(port)), timeout=0.5).close()
except TimeoutError:
    sys.exit("TIMEOUT")
except ConnectionRefusedError:
    sys.exit("REFUSED")
except socket.gaierror as error:
    sys.exit(f"DNS: {{error}}")
"""

# 10.244.1.7 by its own route, 10.244.1.0 by a route of its network, both as the kernel prints them.
ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0101010A\t0003\t0\t0\t0\t00000000\t0\t0\t0
cali123\t0701F40A\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0
cni0\t0001F40A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""
ROUTES_6 = (
    "fd000000000000000000000000000007 80 00000000000000000000000000000000 00 00000000000000000000000000000000 "
    "00000400 00000001 00000000 00000001 cali456\n"
)


class _Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = {"/clientip": f"{self.client_address[0]}:{self.client_address[1]}", "/hostname": "canary-a"}.get(self.path)
        self.send_response(200 if body else 404)
        self.end_headers()
        self.wfile.write((body or "no such page").encode())

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture(name="listener")
def _listener() -> t.Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
    server.request_queue_size = 256
    server.socket.listen(256)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(name="closed")
def _closed() -> t.Iterator[str]:
    """A port that nobody can listen on, since it is bound without listening."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture(name="silent")
def _silent() -> t.Iterator[str]:
    """A listener whose queue is full: the kernel drops what comes, as a policy does."""
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        time.sleep(0.1)  # the handshakes run in the kernel, nothing tells when they are over
        yield f"127.0.0.1:{full.getsockname()[1]}"


@pytest.fixture(name="run")
def _run(tmp_path: pathlib.Path) -> t.Callable[..., tuple[probes.Reading, ...]]:
    agnhost = tmp_path / "agn host"
    agnhost.write_text(AGNHOST)
    agnhost.chmod(0o755)
    (tmp_path / "route").write_text(ROUTES)
    (tmp_path / "ipv6_route").write_text(ROUTES_6)

    def run(wanted: t.Sequence[probes.Probe], path: str = os.environ["PATH"]) -> tuple[probes.Reading, ...]:
        script = probes.script(wanted, agnhost=str(agnhost), routes=str(tmp_path))
        environment = {"PATH": path, "http_proxy": "http://127.0.0.1:1"}
        done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, timeout=60, check=True, env=environment)
        assert done.stderr == ""
        return probes.readings(wanted, "noise\n" + done.stdout)

    return run


@pytest.fixture(name="path_with")
def _path_with(tmp_path: pathlib.Path) -> t.Callable[..., str]:
    """A PATH with the named tools alone, besides what the script always needs."""

    def path_with(*tools: str) -> str:
        place = tmp_path / "bin"
        place.mkdir()
        for tool in ("tr", "tail", *tools):
            found = shutil.which(tool)
            if found is None:
                pytest.skip(f"no {tool} on this machine")
            (place / tool).symlink_to(found)
        return str(place)

    return path_with


def probe(kind: str, target: str, label: str = "") -> probes.Probe:
    return probes.Probe("check", "pod", kind, target, label or target)


def seen(readings: t.Iterable[probes.Reading]) -> list[tuple[str, str]]:
    return [(reading.word, reading.text) for reading in readings]


@pytest.mark.parametrize("tool", ["curl", "wget"])
def test_http_shows_the_answer(run: t.Any, path_with: t.Any, listener: str, tool: str) -> None:
    readings = run([probe(HTTP, f"{listener}/clientip"), probe(HTTP, f"{listener}/hostname")], path_with(tool))
    assert [reading.word for reading in readings] == [REACHED, REACHED]
    assert probes.host_of(readings[0].text) == "127.0.0.1"
    assert readings[1].text == "canary-a"


@pytest.mark.parametrize("tool", ["curl", "wget"])
def test_http_that_fails_is_not_reached(run: t.Any, path_with: t.Any, listener: str, closed: str, tool: str) -> None:
    readings = run([probe(HTTP, f"{closed}/hostname"), probe(HTTP, f"{listener}/nothing")], path_with(tool))
    assert not any(reading.reached for reading in readings)


@pytest.mark.parametrize("tool", ["curl", "wget"])
def test_http_ends_in_time(run: t.Any, path_with: t.Any, silent: str, tool: str) -> None:
    path = path_with(tool)
    begin = time.monotonic()
    readings = run([probe(HTTP, f"{silent}/hostname")] * 3, path)
    assert time.monotonic() - begin < probes.SECONDS_PER_WAVE + 1
    assert {reading.reached for reading in readings} == {False}


def test_an_image_without_an_http_client_says_so(run: t.Any, path_with: t.Any, listener: str) -> None:
    assert seen(run([probe(HTTP, f"{listener}/hostname")], path_with())) == [(BROKEN, "the image has neither curl nor wget")]


def test_connect_tells_silence_from_refusal(run: t.Any, listener: str, closed: str, silent: str) -> None:
    readings = run([probe(CONNECT, listener), probe(CONNECT, closed), probe(CONNECT, silent)])
    assert seen(readings) == [(REACHED, ""), (REFUSED, "REFUSED"), (SILENT, "TIMEOUT")]


def test_route_names_the_device_of_the_address_alone(run: t.Any) -> None:
    readings = run([probe(ROUTE, "10.244.1.7"), probe(ROUTE, "10.244.1.0"), probe(ROUTE, "fd00::7"), probe(ROUTE, "fd00::8")])
    nothing = (BROKEN, "no route to it alone")
    assert seen(readings) == [(REACHED, "cali123"), nothing, (REACHED, "cali456"), nothing]


def test_many_probes_run_in_waves_and_none_is_lost(run: t.Any, listener: str) -> None:
    wanted = [probe(HTTP, f"{listener}/clientip", str(number)) for number in range(probes.WAVE * 2 + 5)]
    readings = run(wanted)
    assert [reading.probe.label for reading in readings if reading.reached] == [str(number) for number in range(len(wanted))]
    assert probes.longest_run(wanted) == 3 * probes.SECONDS_PER_WAVE + 10


def test_a_target_is_data_and_never_a_command(run: t.Any, tmp_path: pathlib.Path) -> None:
    trap = tmp_path / "trap"
    run([probe(HTTP, f"127.0.0.1:1/$(touch {trap})`touch {trap}`;touch {trap}"), probe(CONNECT, f"127.0.0.1:1;touch {trap}")])
    assert not trap.exists()


@pytest.mark.parametrize("output", ["", "podnet-probe\t0", "podnet-probe\t0\t0", "podnet-probe\t7\t0\tother", "other\t0\t0\ttext"])
def test_what_a_broken_stream_does_not_tell_is_unread(output: str) -> None:
    assert seen(probes.readings([probe(HTTP, "a")], output, "it broke")) == [(UNREAD, "it broke")]


@pytest.mark.parametrize(
    ("status", "text", "word"),
    [
        (0, "", REACHED),
        (1, "TIMEOUT", SILENT),
        (1, "REFUSED", REFUSED),
        (1, "DNS: lookup a on 192.0.2.10:53: read udp: i/o timeout", probes.UNRESOLVED),
        (1, "OTHER: dial tcp 192.0.2.1:80: connect: no route to host", BROKEN),
        (28, "curl: (28) Connection timed out after 2001 milliseconds", SILENT),
        (28, "curl: (28) Failed to connect to 192.0.2.1 port 80 after 2001 ms: Timeout was reached", SILENT),
        (28, "curl: (28) Resolving timed out after 2000 milliseconds", probes.UNRESOLVED),
        (6, "curl: (6) Could not resolve host: a.b.svc", probes.UNRESOLVED),
        (7, "curl: (7) Failed to connect to 192.0.2.1 port 80 after 0 ms: Connection refused", REFUSED),
        (7, "curl: (7) Failed to connect to 192.0.2.1 port 80 after 0 ms: Couldn't connect to server", BROKEN),
        (1, "wget: can't connect to remote host (192.0.2.1): Connection refused", REFUSED),
        (1, "wget: bad address 'a.b.svc:80'", probes.UNRESOLVED),
        (1, "wget: download timed out", SILENT),
        (4, "", BROKEN),
    ],
)
def test_words_of_the_tools(status: int, text: str, word: str) -> None:
    (reading,) = probes.readings([probe(CONNECT, "a:1")], f"podnet-probe\t0\t{status}\t{text}\n")
    assert (reading.word, reading.text) == (word, text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.244.1.7:41234", "10.244.1.7"),
        ("[fd00::7]:41234", "fd00::7"),
        ("[::ffff:10.244.1.7]:41234", "10.244.1.7"),
        ("nonsense", ""),
    ],
)
def test_host_of(text: str, address: str) -> None:
    assert probes.host_of(text) == address


@pytest.mark.parametrize(("address", "text"), [("192.0.2.1", "192.0.2.1:80"), ("fd00::1", "[fd00::1]:80"), ("a.example", "a.example:80")])
def test_host_port(address: str, text: str) -> None:
    assert probes.host_port(address, 80) == text
