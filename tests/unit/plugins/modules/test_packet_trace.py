# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module lets pass and what it refuses. That packets are sent and captured is tested in tests/integration/node."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.module_utils._node import trace
from ansible_collections.podnet.cni.plugins.modules import packet_trace

TRACE = {"flow": "a -> b", "node": "n1", "source": "192.0.2.1", "target": "192.0.2.2", "port": 80}

Run = t.Callable[..., dict[str, t.Any]]


class Wire:
    """Stands in for the sockets."""

    def __init__(self) -> None:
        self.asked: list[tuple[t.Any, ...]] = []
        self.problem: OSError | None = None

    def run(self, *asked: t.Any) -> trace.Result:
        if self.problem:
            raise self.problem
        self.asked.append(asked)
        return trace.Result([trace.Sighting("a -> b", "eth0", 0, False, True, "192.0.2.1", "192.0.2.2", "tcp", 80)], 3, 1.0, 7.0, [2.0])


@pytest.fixture(name="wire")
def _wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    made = Wire()
    monkeypatch.setattr(packet_trace.trace, "run", made.run)
    return made


@pytest.fixture(name="run")
def _run(capfd: pytest.CaptureFixture[str]) -> Run:
    def run_it(check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        given = {"traces": [TRACE], "node": "n1", "mark": "x", **options, "_ansible_check_mode": check}
        with patch_module_args(given), pytest.raises(SystemExit):
            packet_trace.main()
        return t.cast("dict[str, t.Any]", json.loads(capfd.readouterr().out))

    return run_it


def test_the_node_of_the_trace_sends(run: Run, wire: Wire) -> None:
    result = run(tunnels={"4790": "vxlan"})
    assert (result["changed"], result["sent"], result["began"], result["ended"], result["missed"]) == (
        False,
        {"a -> b": [2.0]},
        1.0,
        7.0,
        3,
    )
    assert result["sightings"][0]["device"] == "eth0"
    ((_marks, senders, tunnels, pace),) = wire.asked
    assert (senders["a -> b"].target, tunnels[4790], tunnels[8472], pace.count) == ("192.0.2.2", "vxlan", "vxlan", 5)


def test_another_node_listens_alone(run: Run, wire: Wire) -> None:
    assert run(node="n2")["sent"] == {}
    assert wire.asked[0][1] == {}


def test_check_mode_neither_sends_nor_listens(run: Run, wire: Wire) -> None:
    assert run(check=True)["sightings"] == []
    assert wire.asked == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "option count: has to be from 1 to 100 and is 0."),
        ({"count": 101}, "option count: has to be from 1 to 100 and is 101."),
        ({"seconds": 61}, "option seconds: has to be from 1 to 60 and is 61."),
        ({"traces": [TRACE] * 51}, "option traces: there are 51 traces, and at most 50 at a time."),
        ({"tunnels": {"8472": "gre"}}, "option tunnels: 8472: gre is no UDP port with one of vxlan, udp."),
    ],
)
def test_what_is_too_much_or_unknown_is_refused(run: Run, wire: Wire, options: dict[str, t.Any], message: str) -> None:
    assert run(**options)["msg"] == message
    assert wire.asked == []


def test_what_the_kernel_refuses_is_a_message(run: Run, wire: Wire) -> None:
    wire.problem = PermissionError(1, "Operation not permitted")
    assert run()["msg"].startswith("node n1: packets cannot be sent or captured: [Errno 1] Operation not permitted. Run this as root")
