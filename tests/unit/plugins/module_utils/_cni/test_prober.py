# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The programs are run for real: by bash, against listeners on this machine's own addresses."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import probe_records, prober
from ansible_collections.podnet.cni.plugins.module_utils._cni.probe_records import Run, Track

BASH = shutil.which("bash") or "bash"
GOOD, NOBODY, MUTE, STRANGER, PAUSING, DEAF = (f"127.0.0.{number}" for number in range(2, 8))
PAUSE = 0.8

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the programs are for Linux")


class Listeners:
    """Answers as a node's pod does, or as one that is broken does, each on an address of its own and all on one port."""

    def __init__(self) -> None:
        self.port = _free_port()
        self.dns_port = _free_port()
        self.asked: list[bytes] = []
        self.requests: list[bytes] = []
        self.paused = threading.Event()
        self._sockets: list[socket.socket] = []
        for address, answer in ((GOOD, b"probe-good"), (STRANGER, b"probe-else"), (MUTE, b""), (PAUSING, b"probe-pausing")):
            self._serve(self._udp(address, self.port), lambda _data, said=answer: b"" if self._is_quiet(said) else said)
        self._serve(self._udp(GOOD, self.dns_port), self._resolve)
        self._accept(self._tcp(GOOD, 16), b"probe-good")
        self._accept(self._tcp(STRANGER, 16), b"HTTP/1.0 503 Service Unavailable\r\n\r\n")
        self._accept(self._tcp(PAUSING, 16), b"HTTP/1.0 404 Not Found\r\n\r\n")
        # A full queue: the kernel drops what else wants to connect, as a broken network does.
        deaf = self._tcp(DEAF, 0)
        for _number in range(3):
            waiting = socket.socket()
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(deaf.getsockname())
            self._sockets.append(waiting)

    def close(self) -> None:
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _is_quiet(self, answer: bytes) -> bool:
        return answer == b"probe-pausing" and self.paused.is_set()

    def _resolve(self, question: bytes) -> bytes:
        self.asked.append(question)
        return question[:2] + b"\x85" + question[3:]

    def _udp(self, address: str, port: int) -> socket.socket:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind((address, port))
        self._sockets.append(one)
        return one

    def _tcp(self, address: str, backlog: int) -> socket.socket:
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((address, self.port))
        one.listen(backlog)
        self._sockets.append(one)
        return one

    def _serve(self, one: socket.socket, answer: t.Callable[[bytes], bytes]) -> None:
        def loop() -> None:
            with contextlib.suppress(OSError):
                while True:
                    data, client = one.recvfrom(512)
                    if client and (reply := answer(data)):
                        one.sendto(reply, client)

        threading.Thread(target=loop, daemon=True).start()

    def _accept(self, one: socket.socket, answer: bytes) -> None:
        def loop() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _address = one.accept()
                    with client:
                        client.settimeout(0.05)
                        if answer.startswith(b"HTTP"):
                            with contextlib.suppress(TimeoutError):
                                self.requests.append(client.recv(512))
                        client.sendall(answer)

        threading.Thread(target=loop, daemon=True).start()


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((GOOD, 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="module", name="listeners")
def _listeners() -> t.Iterator[Listeners]:
    listeners = Listeners()
    yield listeners
    listeners.close()


def environment(listeners: Listeners, data: Path, **more: t.Any) -> dict[str, str]:
    (data / "resolv.conf").write_text(f"search ns.svc.cluster.local svc.cluster.local cluster.local\nnameserver {GOOD}\noptions ndots:5\n")
    values = {
        "PATH": os.environ["PATH"],
        "DATA": data,
        "LIMIT_KIB": 1024,
        "INTERVAL_MS": 100,
        "UNTIL": int(time.time()) + 60,
        "NAMESPACE": "ns",
        "NODE": "n1",
        "POD": "probe-own",
        "ROLE": "pod",
        "PORT": listeners.port,
        "NODE_PORT": listeners.port,
        "SERVICE": GOOD,
        "APP": "",
        "APP_PORT": listeners.port,
        "APP_NAME": "demo/app",
        "APP_REQUEST": "/",
        "RESOLV_CONF": data / "resolv.conf",
        "DNS_PORT": listeners.dns_port,
        "KUBERNETES_SERVICE_HOST": "10.96.0.1",
    }
    return {name: str(value) for name, value in {**values, **more}.items()}


def start(environ: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [BASH, "-c", prober.PROBER], env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )


def end(process: subprocess.Popen[bytes]) -> str:
    """As a container ends: it is told, then killed with all that it started."""
    process.terminate()
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGKILL)
    output = process.communicate(timeout=10)[0]
    return output.decode()


def read(data: Path) -> list[Run]:
    text = "\n".join(path.read_text() for path in sorted(data.glob("*.log")))
    return list(probe_records.parse(text)[1])


class Seen(t.NamedTuple):
    """What both probers wrote in some seconds, what they printed, and when the pausing pod paused."""

    pod: Run
    host: Run
    output: str
    pause: float


@pytest.fixture(scope="module", name="seen")
def _seen(listeners: Listeners, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    data = tmp_path_factory.mktemp("readings")
    pods = {"n1": GOOD, "n2": GOOD, "n3": NOBODY, "n4": MUTE, "n5": STRANGER, "n6": PAUSING}
    names = {PAUSING: "probe-pausing"}
    lines = [f"pod {node} {address} {names.get(address, 'probe-good')}" for node, address in pods.items()]
    lines += [f"host {node} {address}" for node, address in {"n1": GOOD, "n2": NOBODY, "n3": DEAF, "n4": STRANGER}.items()]
    (data / "peers").write_text("\n".join(lines) + "\n")
    both = [
        start(environment(listeners, data, APP=PAUSING, APP_REQUEST="/health?x=1")),
        start(environment(listeners, data, ROLE="host", APP=STRANGER)),
    ]
    time.sleep(1.0)
    paused = time.time()
    listeners.paused.set()
    time.sleep(PAUSE)
    listeners.paused.clear()
    time.sleep(2.0)
    output = "".join(map(end, both))
    pod, host = sorted(read(data), key=lambda run: run.role, reverse=True)
    return Seen(pod, host, output, paused)


def counts(track: Track) -> tuple[int, int]:
    return sum(second.answered for second in track.seconds), sum(second.lost for second in track.seconds)


@pytest.mark.parametrize(
    ("role", "key"),
    [
        ("pod", "pod-to-pod:n2"),
        ("pod", "pod-to-service"),
        ("pod", "pod-to-dns"),
        ("pod", "pod-to-app:demo/app"),
        ("host", "host-to-nodeport:n1"),
    ],
)
def test_a_good_path_is_asked_ten_times_a_second_and_loses_nothing(seen: Seen, role: str, key: str) -> None:
    run = seen.pod if role == "pod" else seen.host
    track = run.tracks[key]
    answered, lost = counts(track)
    assert lost == 0
    assert answered >= (run.last - run.started) * 10 * 0.7
    assert track.first is not None
    assert 0.09 <= max(second.widest for second in track.seconds) < 0.5


@pytest.mark.parametrize(
    ("role", "key", "reason"),
    [
        ("pod", "pod-to-pod:n3", "refused"),
        ("pod", "pod-to-pod:n4", "timeout"),
        ("pod", "pod-to-pod:n5", "wrong"),
        ("host", "host-to-nodeport:n2", "refused"),
        ("host", "host-to-nodeport:n3", "timeout"),
        ("host", "host-to-nodeport:n4", "503"),
        ("host", "host-to-app:demo/app", "503"),
    ],
)
def test_a_broken_path_is_asked_as_often_and_says_why(seen: Seen, role: str, key: str, reason: str) -> None:
    run = seen.pod if role == "pod" else seen.host
    track = run.tracks[key]
    answered, lost = counts(track)
    assert (answered, track.first) == (0, None)
    # What was sent in the last second has no result yet.
    assert lost >= (run.last - run.started - 1.5) * 10 * 0.7
    assert {why for _when, why in track.bad} == {reason}


def test_a_pause_is_a_gap_from_the_last_answered_probe_to_the_next(seen: Seen) -> None:
    track = seen.pod.tracks["pod-to-pod:n6"]
    gap = max(track.gaps, key=lambda one: one[1] - one[0])
    assert gap[0] == pytest.approx(seen.pause, abs=0.3)
    assert PAUSE - 0.05 <= gap[1] - gap[0] < PAUSE + 0.5
    lost = counts(track)[1]
    assert PAUSE * 10 * 0.7 <= lost <= PAUSE * 10 + 3
    assert "timeout" in {why for _when, why in track.bad}


def test_no_node_asks_itself(seen: Seen) -> None:
    assert "pod-to-pod:n1" not in seen.pod.tracks


def test_nothing_is_printed(seen: Seen) -> None:
    assert seen.output == ""


def test_the_question_to_the_dns(seen: Seen, listeners: Listeners) -> None:
    assert seen.pod.tracks["pod-to-dns"].first is not None
    header = b"AB\x01\x10\x00\x01" + bytes(6)
    assert set(listeners.asked) == {header + b"\x05probe\x02ns\x03svc\x07cluster\x05local" + bytes.fromhex("0000010001")}


def test_the_request_to_the_application(seen: Seen, listeners: Listeners) -> None:
    assert seen.pod.tracks["pod-to-app:demo/app"].first is not None
    assert f"GET /health?x=1 HTTP/1.0\r\nHost: {PAUSING}\r\n\r\n".encode() in listeners.requests


def test_a_label_that_bash_would_cut_is_not_asked_for(listeners: Listeners, tmp_path: Path) -> None:
    listeners.asked.clear()
    process = start(environment(listeners, tmp_path, NAMESPACE="kubernetes"))
    _await(lambda: listeners.asked)
    end(process)
    header = b"AB\x01\x10\x00\x01" + bytes(6)
    assert listeners.asked[0] == header + b"\x011\x010\x0296\x0210\x07in-addr\x04arpa" + bytes.fromhex("00000c0001")


def test_a_bare_connection_is_enough_where_that_is_wanted(listeners: Listeners, tmp_path: Path) -> None:
    process = start(environment(listeners, tmp_path, ROLE="host", APP=GOOD, APP_REQUEST="open"))
    _await(lambda: "up" in _log(tmp_path))
    end(process)
    (run,) = read(tmp_path)
    assert run.tracks["host-to-app:demo/app"].first is not None


def test_it_follows_a_peer_to_its_new_address_and_forgets_one_that_left(listeners: Listeners, tmp_path: Path) -> None:
    peers = tmp_path / "peers"
    peers.write_text(f"pod n2 {NOBODY} probe-gone\npod n3 {GOOD} probe-good\n")
    process = start(environment(listeners, tmp_path))
    _await(lambda: "bad" in _log(tmp_path))
    peers.write_text(f"pod n2 {GOOD} probe-good\n")
    _await(lambda: len([line for line in _log(tmp_path).splitlines() if line.startswith("up")]) == 4)
    end(process)
    (run,) = read(tmp_path)
    assert run.tracks["pod-to-pod:n2"].first is not None
    assert run.tracks["pod-to-pod:n2"].seconds[-1].when == run.figures > run.tracks["pod-to-pod:n3"].seconds[-1].when


def test_told_to_stop_it_goes_on_until_it_is_killed_and_writes_at_once(listeners: Listeners, tmp_path: Path) -> None:
    process = start(environment(listeners, tmp_path))
    _await(lambda: "sec" in _log(tmp_path))
    process.send_signal(signal.SIGTERM)
    before = _log(tmp_path).count("sec")
    _await(lambda: _log(tmp_path).count("sec") >= before + 5)
    killed = time.time()
    end(process)
    (run,) = read(tmp_path)
    second = run.tracks["pod-to-service"].seconds[-1]
    assert second.age is not None
    assert killed - (second.when - second.age) < 0.4


def test_quiet_seconds_are_told_in_few_words_and_all_is_counted(listeners: Listeners, tmp_path: Path) -> None:
    process = start(environment(listeners, tmp_path))
    _await(lambda: _log(tmp_path).count("\nok ") >= 2)
    assert _log(tmp_path).count("\nsec ") == 1
    (run,) = read(tmp_path)
    assert run.quiet == run.last > run.figures
    end(process)
    (run,) = read(tmp_path)
    answered, lost = counts(run.tracks["pod-to-service"])
    assert lost == 0
    assert answered >= (run.last - run.started) * 10 * 0.7


@pytest.mark.parametrize(("more", "why"), [({"UNTIL": 1}, "time"), ({"LIMIT_KIB": 0}, "full")])
def test_it_ends_by_itself(listeners: Listeners, tmp_path: Path, more: dict[str, t.Any], why: str) -> None:
    process = start(environment(listeners, tmp_path, **more))
    process.communicate(timeout=10)
    assert [run.ended for run in read(tmp_path)] == [why]


def _log(data: Path) -> str:
    return "".join(path.read_text() for path in data.glob("*.log"))


def _await(done: t.Callable[[], t.Any], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)
