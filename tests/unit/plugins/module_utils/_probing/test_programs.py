# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two programs are run for real: by bash, against listeners on this machine's own addresses, and with a stub for agnhost."""

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

from ansible_collections.podnet.cni.plugins.module_utils._probing import agent
from ansible_collections.podnet.cni.plugins.module_utils._probing.agent import ANSWERED, REFUSED, SILENT, WRONG, Reading

BASH = shutil.which("bash") or "bash"
GOOD, STRANGER, MUTE, NOBODY, DEAF, IPV6 = *(f"127.0.1.{number}" for number in range(2, 7)), "::1"
NAME, OTHER = "podnet-probe-07", "podnet-probe-11"
#: What one run may take on a busy machine; alone it takes 1.3 seconds.
BOUND = 15.0

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the programs are for Linux")


class Listeners:
    """Answers as a pod does, or as one that is broken does, each on an address of its own, all on one port, by TCP and UDP."""

    def __init__(self) -> None:
        self.sockets: list[socket.socket] = []
        self.connections: list[tuple[str, str]] = []
        self.questions: list[bytes] = []
        self.port = self._free_port()
        for address, says in ((GOOD, NAME), (STRANGER, OTHER), (MUTE, ""), (IPV6, NAME)):
            if address == IPV6 and not has_ipv6():
                continue
            threading.Thread(target=self._accept, args=(self._bound(address, socket.SOCK_STREAM), says.encode()), daemon=True).start()
            threading.Thread(target=self._answer, args=(self._bound(address, socket.SOCK_DGRAM), says.encode()), daemon=True).start()
        # A full queue: the kernel drops what else wants to connect, as a policy does.
        deaf = self._bound(DEAF, socket.SOCK_STREAM, backlog=0)
        for _number in range(3):
            waiting = socket.socket()
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(deaf.getsockname())
            self.sockets.append(waiting)

    def close(self) -> None:
        for one in self.sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    @staticmethod
    def _free_port() -> int:
        with socket.socket() as one:
            one.bind((GOOD, 0))
            return int(one.getsockname()[1])

    def _bound(self, address: str, kind: socket.SocketKind, backlog: int = 500) -> socket.socket:
        one = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((address, self.port))
        if kind == socket.SOCK_STREAM:
            one.listen(backlog)
        self.sockets.append(one)
        return one

    def _accept(self, listening: socket.socket, says: bytes) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _peer = listening.accept()
                self.connections.append(("TCP", listening.getsockname()[0]))
                if not says:
                    self.sockets.append(client)
                    continue
                # Who asked may have left.
                with client, contextlib.suppress(OSError):
                    client.sendall(says)

    def _answer(self, listening: socket.socket, says: bytes) -> None:
        with contextlib.suppress(OSError):
            while True:
                data, peer = listening.recvfrom(512)
                if not peer:
                    return
                self.questions.append(data)
                self.connections.append(("UDP", listening.getsockname()[0]))
                if says:
                    # A refusal of an earlier answer is told here.
                    with contextlib.suppress(OSError):
                        listening.sendto(says, peer)


def has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as one:
        one.bind(("::1", 0))
        return True
    return False


@pytest.fixture(scope="module", name="listeners")
def _listeners() -> t.Iterator[Listeners]:
    listeners = Listeners()
    yield listeners
    listeners.close()


class Run(t.NamedTuple):
    readings: tuple[Reading, ...]
    seconds: float


def connect(*targets: tuple[str, int, str, str], stub: Path | None = None) -> Run:
    """Runs the command as a pod would, and fails where a process is left of it."""
    program = agent.CONNECT.replace("/agnhost", str(stub)) if stub else agent.CONNECT
    command = [BASH, *agent.command(targets)[1:]]
    began = time.monotonic()
    process = subprocess.Popen(
        command, env={"PATH": os.environ["PATH"], agent.VARIABLE: program}, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        output = process.communicate(timeout=BOUND)[0]
        seconds = time.monotonic() - began
        assert process.returncode == 0
        _await(lambda: not _group(process.pid))
    finally:
        _end(process.pid)
    return Run(agent.readings(output, len(targets)), seconds)


def _group(leader: int) -> list[int]:
    """The living processes of a group."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            state, _parent, group = path.read_text().rpartition(")")[2].split()[:3]
            if int(group) == leader and state != "Z":
                found.append(int(path.parent.name))
    return found


def _end(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def _await(done: t.Callable[[], t.Any], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)


# --- What tries to connect --------------------------------------------------------------------------------------------


class Case(t.NamedTuple):
    """``name``: what the listener should say; ``words`` of all attempts, and the text that comes with them."""

    protocol: str
    address: str
    name: str
    words: tuple[str, ...]
    text: str = ""


CASES = [
    Case("TCP", GOOD, NAME, (ANSWERED,)),
    Case("TCP", GOOD, "", (ANSWERED,)),
    Case("TCP", STRANGER, NAME, (WRONG,), OTHER),
    Case("TCP", MUTE, "", (ANSWERED,)),
    Case("TCP", MUTE, NAME, (agent.MUTE, agent.MUTE), "connected, and nothing was said"),
    Case("TCP", NOBODY, NAME, (REFUSED, REFUSED)),
    Case("TCP", DEAF, NAME, (SILENT, SILENT)),
    Case("UDP", GOOD, NAME, (ANSWERED, ANSWERED)),
    Case("UDP", GOOD, "", (ANSWERED, ANSWERED)),
    Case("UDP", STRANGER, NAME, (WRONG,), OTHER),
    Case("UDP", MUTE, NAME, (SILENT, SILENT)),
    Case("UDP", NOBODY, NAME, (REFUSED, REFUSED)),
]
AllAtOnce = tuple[Run, dict[Case, Reading]]


@pytest.fixture(scope="module", name="all_at_once")
def _all_at_once(listeners: Listeners) -> AllAtOnce:
    """All cases in one run, as a pod does it."""
    run = connect(*((case.protocol, listeners.port, case.address, case.name) for case in CASES))
    return run, dict(zip(CASES, run.readings, strict=True))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.protocol}-{case.address}-{case.name or 'anybody'}")
def test_what_an_attempt_sees(all_at_once: AllAtOnce, case: Case) -> None:
    reading = all_at_once[1][case]
    assert (reading.word, reading.text) == (case.words[-1], case.text)
    if reading.word in (ANSWERED, WRONG):
        # On a busy machine another attempt may have begun before the answer came.
        assert set(reading.words) <= {reading.word, "dropped"}
        assert reading.milliseconds < agent.PATIENCE + 500
    else:
        assert reading.words == case.words


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
def test_an_address_of_ipv6_is_called_as_any_other(listeners: Listeners, protocol: str) -> None:
    right, wrong = connect((protocol, listeners.port, IPV6, NAME), (protocol, listeners.port, IPV6, OTHER)).readings
    assert (right.word, wrong.word, wrong.text) == (ANSWERED, WRONG, NAME)


def test_what_is_silent_is_given_up_in_time(all_at_once: AllAtOnce) -> None:
    run, found = all_at_once[0], {case[:3]: reading for case, reading in all_at_once[1].items()}
    assert run.seconds >= (agent.PATIENCE + agent.STAGGER) / 1000
    assert found["TCP", DEAF, NAME].milliseconds >= agent.PATIENCE
    assert found["TCP", NOBODY, NAME].milliseconds < agent.PATIENCE


@pytest.mark.parametrize(("protocol", "address", "attempts"), [("TCP", MUTE, 2), ("UDP", MUTE, 2), ("TCP", GOOD, 1), ("UDP", GOOD, 2)])
def test_what_did_not_answer_is_asked_twice_and_udp_always(listeners: Listeners, protocol: str, address: str, attempts: int) -> None:
    listeners.connections.clear()
    (reading,) = connect((protocol, listeners.port, address, NAME)).readings
    assert len(reading.words) == attempts
    _await(lambda: len(listeners.connections) >= attempts)
    assert listeners.connections == [(protocol, address)] * attempts


@pytest.mark.parametrize(
    ("answered", "words"),
    [
        ({0}, [agent.ONCE, SILENT, SILENT]),
        ({1}, [SILENT, agent.ONCE, SILENT]),
        ({0, 1}, [ANSWERED, ANSWERED]),
        ({0, 2}, [ANSWERED, ANSWERED]),
        ({1, 2}, [ANSWERED, ANSWERED]),
    ],
)
def test_one_answer_of_three_to_udp_is_none(answered: set[int], words: list[str]) -> None:
    """An earlier flow from the same port is still tracked, and goes past policies; two such flows are not met by chance."""
    ports: list[int] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind((GOOD, 0))
        listening.settimeout(BOUND)

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    _data, peer = listening.recvfrom(512)
                    ports.append(peer[1])
                    if len(ports) - 1 in answered:
                        listening.sendto(NAME.encode(), peer)

        threading.Thread(target=answer, daemon=True).start()
        (reading,) = connect(("UDP", listening.getsockname()[1], GOOD, NAME)).readings
        # On a busy machine another attempt may have begun before an answer came.
        _await(lambda: len(ports) == len(reading.words))
    assert [word for word in reading.words if word != "dropped"] == words
    assert (reading.word, reading.text) == ((ANSWERED, "") if len(answered) > 1 else (SILENT, "answered to one of 3 source ports"))
    assert len(set(ports)) == len(ports) >= max(len(words), max(answered) + 1)


def test_what_answers_ends_the_run(listeners: Listeners) -> None:
    """Nothing waits for the second attempt."""
    assert min(connect(("TCP", listeners.port, GOOD, NAME)).seconds for _number in range(3)) < agent.STAGGER / 1000


@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
def test_where_no_route_leads_nothing_is_sent(listeners: Listeners, protocol: str) -> None:
    """The kernel says so by itself, before any packet: of a broadcast address, for one."""
    (reading,) = connect((protocol, listeners.port, "255.255.255.255", NAME)).readings
    assert (reading.words, reading.text) == ((agent.UNROUTABLE, agent.UNROUTABLE), "")


@pytest.mark.parametrize(("protocol", "address", "word"), [("TCP", GOOD, ANSWERED), ("TCP", DEAF, SILENT), ("UDP", MUTE, SILENT)])
def test_as_many_as_are_allowed_at_once(listeners: Listeners, protocol: str, address: str, word: str) -> None:
    run = connect(*[(protocol, listeners.port, address, NAME)] * agent.MOST_TARGETS)
    assert {reading.word for reading in run.readings} == {word}
    assert run.seconds < BOUND


def test_a_dns_server_of_others_is_asked_what_it_answers(listeners: Listeners) -> None:
    """The question is a whole one; the port is changed, for nobody may listen on 53 here."""
    listeners.questions.clear()
    asked = agent.CONNECT.replace("$port == 53", f"$port == {listeners.port}")
    assert asked != agent.CONNECT
    subprocess.run([BASH, *agent.command([("UDP", listeners.port, GOOD, "")])[1:]], env={agent.VARIABLE: asked}, check=True, timeout=BOUND)
    assert listeners.questions == [b"AB\x10\x00\x00\x01" + bytes(6) + b"\x00" + b"\x00\x02" + b"\x00\x01"] * 2


@pytest.fixture(name="agnhost")
def _agnhost(tmp_path: Path) -> t.Callable[[str], Path]:
    """Stands in for agnhost: a bash program that has its arguments."""

    def make(program: str) -> Path:
        path = tmp_path / "stub"
        path.write_text(f"#!{BASH}\n{program}\n")
        path.chmod(0o755)
        return path

    return make


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("exit 0", (ANSWERED,)),
        ("echo REFUSED; exit 1", (REFUSED, REFUSED)),
        ("echo TIMEOUT; exit 1", (SILENT, SILENT)),
        ("echo OTHER; exit 1", (agent.UNREACHABLE, agent.UNREACHABLE)),
        ("echo 'OTHER: connect: no route to host'; exit 1", (agent.UNREACHABLE, agent.UNREACHABLE)),
        ("echo 'OTHER: connect: network is unreachable'; exit 1", (agent.UNROUTABLE, agent.UNROUTABLE)),
        ("echo 'OTHER: Network unreachable'; exit 1", (agent.UNROUTABLE, agent.UNROUTABLE)),
    ],
)
def test_sctp_is_asked_by_agnhost(agnhost: t.Callable[[str], Path], program: str, words: tuple[str, ...]) -> None:
    stub = agnhost(f'[[ "$*" == "connect --timeout={agent.PATIENCE}ms --protocol=sctp 127.0.0.1:7" ]] || exit 9\n{program}')
    run = _sctp(stub, present=True)
    assert run.readings[0].words == words


def test_an_address_of_ipv6_is_in_brackets_for_agnhost(agnhost: t.Callable[[str], Path]) -> None:
    stub = agnhost('[[ "${*: -1}" == "[fd00::7]:7" ]]')
    assert _sctp(stub, present=True, address="fd00::7").readings[0].words == (ANSWERED,)


def test_sctp_that_the_kernel_lacks_is_no_measurement(agnhost: t.Callable[[str], Path]) -> None:
    run = _sctp(agnhost("exit 0"), present=False)
    assert run.readings[0].word == agent.UNSUPPORTED


def _sctp(stub: Path, *, present: bool, address: str = "127.0.0.1") -> Run:
    """The program with another sign of the kernel's SCTP than this machine's."""
    program = agent.CONNECT.replace("/proc/net/sctp", str(stub if present else stub / "none"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(agent, "CONNECT", program)
        return connect(("SCTP", 7, address, ""), stub=stub)


# --- What listens -----------------------------------------------------------------------------------------------------


def listen(stub: Path, *arguments: str, sctp: bool = False) -> subprocess.Popen[bytes]:
    program = agent.LISTEN.replace("/agnhost", str(stub)).replace("/proc/net/sctp", str(stub if sctp else stub / "none"))
    return subprocess.Popen([BASH, "-c", program, "listen", *arguments], env={"PATH": os.environ["PATH"]}, start_new_session=True)


@pytest.mark.parametrize("sctp", [False, True])
def test_there_is_a_listener_for_each_port(agnhost: t.Callable[[str], Path], tmp_path: Path, sctp: bool) -> None:
    process = listen(agnhost(f'echo "$*" >{tmp_path}/$$'), "60", "80", "sctp-81", "443", sctp=sctp)
    try:
        expected = [f"serve-hostname --tcp --udp --http=false --port={port}" for port in ("443", "80")]
        expected += ["netexec --http-port=-1 --udp-port=-1 --sctp-port=81"] if sctp else []
        _await(lambda: sorted(path.read_text().strip() for path in tmp_path.glob("[0-9]*")) == sorted(expected))
        assert process.poll() is None
    finally:
        _end(process.pid)
        process.wait()


@pytest.mark.parametrize("ending", ["by itself", "when told"])
def test_it_ends(agnhost: t.Callable[[str], Path], tmp_path: Path, ending: str) -> None:
    """As process 1 of its container; what it started ends with it there."""
    process = listen(agnhost(f"echo >{tmp_path}/started; exec sleep 60"), "1" if ending == "by itself" else "60", "80")
    try:
        _await((tmp_path / "started").exists)
        if ending == "when told":
            process.terminate()
        assert process.wait(timeout=10) == 0
    finally:
        _end(process.pid)
