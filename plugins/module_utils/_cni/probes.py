# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probes: what one pod tries to reach, the shell script that tries all of it at once, and what the script's lines mean.

Pure: no I/O. ``_kube.execute`` runs the script in a pod. The script needs a POSIX shell, agnhost, and curl or wget.
Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import shlex
import typing as t

#: How a probe asks: an HTTP GET that shows the answer, a bare TCP connection, or a look at the kernel's routes.
HTTP = "http"
CONNECT = "connect"
ROUTE = "route"

#: What a reading says. `SILENT` is a timeout: packets vanish. `REFUSED` is an answer: nobody listens.
REACHED = "reached"
SILENT = "timeout"
REFUSED = "refused"
UNRESOLVED = "no DNS answer"
BROKEN = "failed"
UNREAD = "not measured"

#: Probes that run at the same time in one pod. Each wave ends within `SECONDS_PER_WAVE`, so a script always ends.
WAVE = 40
_CONNECT_SECONDS = 2
_ANSWER_SECONDS = 3
SECONDS_PER_WAVE = _ANSWER_SECONDS + 1

_MARK = "podnet-probe"
_LONGEST_TEXT = 300

# What agnhost, curl and wget (GNU's and busybox's) print, lower case. DNS first: "DNS: ... i/o timeout" is a matter of names.
_WORDS = (
    ("dns:", UNRESOLVED),
    ("resolv", UNRESOLVED),
    ("bad address", UNRESOLVED),
    ("timeout", SILENT),
    ("timed out", SILENT),
    ("refused", REFUSED),
)

# One line a probe: shorter than PIPE_BUF, so lines of probes that run at the same time never mix.
_PROLOGUE = r"""
agnhost={agnhost}
routes={routes}
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
if command -v curl >/dev/null 2>&1; then
    fetch() {{ curl --silent --show-error --fail --connect-timeout {connect} --max-time {answer} "http://$1"; }}
elif command -v wget >/dev/null 2>&1; then
    fetch() {{ wget -q -t 1 -T {connect} -O - "http://$1"; }}
else
    fetch() {{ echo "the image has neither curl nor wget"; return 127; }}
fi
say() {{ printf '%s\t%s\t%s\t%s\n' {mark} "$1" "$2" "$(printf %s "$3" | tr '\n\t' '  ' | tail -c {longest})"; }}
http() {{ text=$(fetch "$2" 2>&1); say "$1" $? "$text"; }}
connect() {{ text=$("$agnhost" connect "$2" --timeout={connect}s --protocol=tcp 2>&1); say "$1" $? "$text"; }}
route() {{ text=$("device$2" "$3" 2>&1); say "$1" $? "$text"; }}
device4() {{
    while read -r device destination gateway flags references uses metric mask rest; do
        if [ "$destination $mask" = "$1 FFFFFFFF" ]; then echo "$device"; fi
    done <"$routes/route"
}}
device6() {{
    while read -r destination length source source_length hop metric references uses flags device; do
        if [ "$destination $length" = "$1 80" ]; then echo "$device"; fi
    done <"$routes/ipv6_route"
}}
"""


@dataclasses.dataclass(frozen=True)
class Probe:
    """One question from one pod. ``check`` is the id of the check it is evidence for, ``label`` names the way in words (``a -> b``).

    ``target`` is HOST:PORT/PATH for HTTP, HOST:PORT for CONNECT, an address for ROUTE; ``wanted`` is what the answer must be, if known.
    """

    check: str
    source: str
    kind: str
    target: str
    label: str
    wanted: str = ""


@dataclasses.dataclass(frozen=True)
class Reading:
    """What a probe saw: one of the words above, and the answer or the tool's own message."""

    probe: Probe
    word: str
    text: str = ""

    @property
    def reached(self) -> bool:
        return self.word == REACHED


def script(probes: t.Sequence[Probe], agnhost: str = "/agnhost", routes: str = "/proc/net") -> str:
    """A shell script that runs all ``probes``, a wave at a time, and prints one line each; `readings` understands the lines."""
    prologue = _PROLOGUE.format(
        agnhost=shlex.quote(agnhost),
        routes=shlex.quote(routes),
        connect=_CONNECT_SECONDS,
        answer=_ANSWER_SECONDS,
        mark=_MARK,
        longest=_LONGEST_TEXT,
    )
    lines = [f"{_command(number, probe)} &" for number, probe in enumerate(probes)]
    waves = ["\n".join(lines[start : start + WAVE]) + "\nwait\n" for start in range(0, len(lines), WAVE)]
    return prologue + "".join(waves)


def longest_run(probes: t.Sequence[Probe]) -> int:
    """Seconds after which the script of ``probes`` has surely ended, names that do not resolve included."""
    waves = -(-len(probes) // WAVE)
    return waves * SECONDS_PER_WAVE + 10


def readings(probes: t.Sequence[Probe], output: str, problem: str = "") -> t.Tuple[Reading, ...]:
    """What each probe saw, in the order of ``probes``; a probe without a line in ``output`` is `UNREAD`, because of ``problem``."""
    said = dict(_parsed(line) for line in output.splitlines() if _is_complete(line))
    return tuple(_reading(probe, said.get(str(number)), problem) for number, probe in enumerate(probes))


def host_port(address: str, port: int) -> str:
    """``address:port``, with brackets around an IPv6 address."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def host_of(host_and_port: str) -> str:
    """The address of ``address:port``, without the brackets of IPv6 and without the prefix of an IPv4 address mapped into IPv6."""
    address = host_and_port.strip().rpartition(":")[0].strip("[]")
    return address[len("::ffff:") :] if address.lower().startswith("::ffff:") and "." in address else address


def _command(number: int, probe: Probe) -> str:
    if probe.kind == ROUTE:
        address = ipaddress.ip_address(probe.target)
        return f"route {number} {address.version} {_kernel_notation(address)}"
    return f"{probe.kind} {number} {shlex.quote(probe.target)}"


def _kernel_notation(address: t.Union[ipaddress.IPv4Address, ipaddress.IPv6Address]) -> str:
    """The address as /proc/net/route (little endian, capitals) or /proc/net/ipv6_route (as on the wire) prints it."""
    return address.packed[::-1].hex().upper() if address.version == 4 else address.packed.hex()


def _is_complete(line: str) -> bool:
    """Other output of the pod is none of ours, and a stream that broke off may end within a line."""
    return line.startswith(_MARK + "\t") and line.count("\t") >= 3


def _parsed(line: str) -> t.Tuple[str, t.Tuple[int, str]]:
    _mark, number, status, text = line.split("\t", 3)
    return number, (int(status), text.strip())


def _reading(probe: Probe, said: t.Optional[t.Tuple[int, str]], problem: str) -> Reading:
    if said is None:
        return Reading(probe, UNREAD, problem or "the pod did not report it")
    status, text = said
    if status != 0:
        return Reading(probe, _word(text), text)
    if probe.kind == ROUTE and not text:
        return Reading(probe, BROKEN, "no route to it alone")
    return Reading(probe, REACHED, text)


def _word(text: str) -> str:
    lowered = text.lower()
    return next((word for sign, word in _WORDS if sign in lowered), BROKEN)
