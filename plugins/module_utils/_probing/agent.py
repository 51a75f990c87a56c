# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two programs of a probing pod: what listens, and what tries to connect; and what the lines of the second one mean.

Both are written for bash 5 with no other program but agnhost, so they run in the Kubernetes project's test image. Pure: text only.
Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

#: What one attempt saw. `ANSWERED` by whom it was meant for, `WRONG` by somebody else; `SILENT` is a timeout, `UNREACHABLE` what a router
#: says, `UNREAD` no measurement, `UNSUPPORTED` a protocol that the node's kernel does not have.
ANSWERED, REFUSED, SILENT, UNREACHABLE, WRONG, UNREAD = "answered", "refused", "silent", "unreachable", "wrong", "unread"
UNSUPPORTED = "unsupported"
#: Connected, and then no name came, which a busy node is enough for; and no packet left, for the source's kernel has no route there.
MUTE, UNROUTABLE = "mute", "unroutable"
#: For UDP, answered to one source port alone, as an earlier flow from that port is: connection tracking lets it go on, past any policy.
ONCE = "once"
#: The environment variable of a probing container that holds `CONNECT`, so that commands stay short.
VARIABLE = "PODNET_CONNECT"
#: Milliseconds that an attempt may take, and after which another one begins for what has not answered.
PATIENCE, STAGGER = 1000, 250
#: Attempts at most; for TCP and SCTP two.
TRIES = 3
#: Targets in one run: each may need two processes, and 200 then hold some 150 MB.
MOST_TARGETS = 200
#: Seconds after which a run has surely ended: all attempts, and the time that many children take on a busy node.
LONGEST = 15
_MARK = "podnet"


@dataclasses.dataclass(frozen=True)
class Reading:
    """What the attempts of a connection saw, words of the above; ``milliseconds`` until the answer, or until it was given up."""

    words: t.Tuple[str, ...]
    milliseconds: int = 0
    text: str = ""

    @property
    def word(self) -> str:
        """What counts, whichever attempt found it: an answer, or that none can be had, then that it was reached."""
        reached = next((word for word in (MUTE, REFUSED) if word in self.words), self.words[-1])
        return next((word for word in self.words if word in (ANSWERED, WRONG, UNREAD, UNSUPPORTED)), reached)


def listener(numbers: t.Iterable[int], sctp: t.Iterable[int], seconds: int) -> t.List[str]:
    """The command of a pod's container: listens on ``numbers`` for TCP and UDP, and on ``sctp``, for so many seconds."""
    ports = [*map(str, sorted(set(numbers))), *(f"sctp-{number}" for number in sorted(set(sctp)))]
    return ["bash", "-c", LISTEN, "listen", str(seconds), *ports]


def command(targets: t.Sequence[t.Tuple[str, int, str, str]]) -> t.List[str]:
    """The command that tries ``targets``: protocol, port, address, and what the listener says ("" for somebody else's)."""
    return ["bash", "-c", f'eval "${VARIABLE}"', "connect", *(f"{one[0]}/{one[1]}/{one[2]}/{one[3] or '-'}" for one in targets)]


def readings(output: str, count: int, problem: str = "") -> t.Tuple[Reading, ...]:
    """What each of ``count`` targets showed. One without a line is `UNREAD`, because of ``problem``."""
    found = dict(filter(None, map(_line, output.split("\n"))))
    missing = Reading((UNREAD,), 0, problem or "the pod did not report it")
    return tuple(found.get(number, missing) for number in range(count))


def _line(line: str) -> t.Optional[t.Tuple[int, Reading]]:
    """A stream that broke off may end within a line, and other output of the pod is none of ours."""
    parts = line.split(" ", 4)
    if len(parts) < 5 or parts[0] != _MARK or not parts[1].isdecimal() or not parts[3].isdecimal():
        return None
    return int(parts[1]), Reading(tuple(parts[2].split(",")), int(parts[3]), parts[4].strip())


# A listener for each port says its pod's name to every connection and every packet. It ends by itself, so a pod whose maker was killed
# holds nothing for long. Arguments: seconds, then numbers (TCP and UDP), or sctp-NUMBER, which is served where the kernel has it.
LISTEN = r"""
LC_ALL=C
seconds=$1
shift
for port in "$@"; do
    case $port in
    sctp-*) if [[ -e /proc/net/sctp ]]; then /agnhost netexec --http-port=-1 --udp-port=-1 --sctp-port="${port#sctp-}" & fi ;;
    *) /agnhost serve-hostname --tcp --udp --http=false --port="$port" & ;;
    esac
done >/dev/null 2>&1
trap 'exit 0' TERM INT
exec {nothing}<> <(:)
read -r -t "$seconds" -u "$nothing"
exit 0
"""

# Arguments: PROTOCOL/PORT/ADDRESS/NAME, where NAME is what the listener says, or "-" for somebody else's. All are tried at once; what has
# not answered is tried a second time with a socket of its own, while the first attempt goes on. For UDP two sockets must be answered, of
# three at most. bash waits while it connects, so for TCP a child does. It prints for each target: podnet INDEX WORD[,WORD]...
# MILLISECONDS [TEXT], a word for each attempt.
CONNECT = (
    r"""
LC_ALL=C
exec {nothing}<> <(:)
exec 2>/dev/null
targets=("$@")
fds=() pids=() began=() words=() told=() took=() tries=()
now() { clock=${EPOCHREALTIME/./}; }

dial() { # PROTOCOL PORT HOST NAME
    local answer=''
    exec 2>&1
    if [[ $1 == SCTP ]]; then
        if [[ ! -e /proc/net/sctp ]]; then echo unsupported; exit; fi
        local host=$3
        if [[ $host == *:* ]]; then host="[$host]"; fi
        /agnhost connect --timeout=PATIENCEms --protocol=sctp "$host:$2" && echo connected
        exit
    fi
    exec 3<>"/dev/tcp/$3/$2" || exit
    if [[ $4 != - ]]; then IFS= read -r -N ${#4} -t 0.8 -u 3 answer; fi
    printf 'connected %s' "$answer"
}

start() { # TARGET: its next attempt
    local attempt=$(($1 * TRIES + tries[$1]++)) target=${targets[$1]} protocol port host name fd
    protocol=${target%%/*} target=${target#*/}
    port=${target%%/*} target=${target#*/}
    host=${target%/*} name=${target##*/}
    now
    began[attempt]=$clock
    if [[ $protocol != UDP ]]; then
        exec {fd}< <(dial "$protocol" "$port" "$host" "$name")
        pids[attempt]=$! fds[attempt]=$fd
    elif exec {fd}<>"/dev/udp/$host/$port"; then
        # A question that every DNS server answers by itself, if only by saying that it knows no such kind (opcode 2).
        if [[ $port == 53 && $name == - ]]; then
            printf 'AB\x10\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01' >&"$fd"
        else
            printf '?' >&"$fd"
        fi
        fds[attempt]=$fd
    else
        # Nothing was sent yet: only routes can forbid it.
        ended "$attempt" unroutable ''
    fi
}

ended() { # ATTEMPT WORD TEXT
    local fd=${fds[$1]-}
    words[$1]=$2 told[$1]=$3
    took[$1]=$((clock - began[$1]))
    if [[ -n $fd ]]; then exec {fd}<&-; fi
    unset "fds[$1]"
}

hear() { # ATTEMPT
    local text='' name=${targets[$1 / TRIES]##*/} fd=${fds[$1]} size=1
    if [[ -z ${pids[$1]-} ]]; then
        if [[ $name != - ]]; then size=${#name}; fi
        IFS= read -r -N "$size" -t 0.02 -u "$fd" text
        if [[ -z $text ]]; then ended "$1" refused ''; return; fi
        text="connected $text"
    else
        IFS= read -r -d '' -t 1.5 -u "$fd" text
    fi
    case $text in
    connected*)
        if [[ $name == - || ${text#connected } == "$name" ]]; then ended "$1" answered ''
        elif [[ ${text#connected } == '' ]]; then ended "$1" mute 'connected, and nothing was said'
        else ended "$1" wrong "${text#connected }"; fi
        ;;
    *unsupported*) ended "$1" unsupported '' ;;
    *efused* | *REFUSED*) ended "$1" refused '' ;;
    *TIMEOUT* | *imed\ out*) ended "$1" silent '' ;;
    *etwork*\ unreachable*) ended "$1" unroutable '' ;;
    *) text=${text//$'\n'/ }; ended "$1" unreachable "${text##*: }" ;;
    esac
}

settled() { # TARGET: whether it needs no further attempt
    case ${targets[$1]%%/*}/${words[$1 * TRIES]-}/${words[$1 * TRIES + 1]-}/${words[$1 * TRIES + 2]-} in
    UDP/*answered*answered* | *wrong* | *unread* | *unsupported*) return 0 ;;
    UDP/*) return 1 ;;
    *answered*) return 0 ;;
    esac
    return 1
}

confirm() { # ATTEMPT, which has ended: another one where the first answer came
    local i=$(($1 / TRIES))
    if [[ ${words[$1]} == answered ]] && ((tries[i] < TRIES)) && ! settled "$i"; then start "$i"; fi
}

tell() { # TARGET
    local i=$1 a line='' text='' milliseconds=''
    for ((a = i * TRIES; a < i * TRIES + tries[i]; a++)); do
        line+=,${words[a]:-unread} text=${told[a]:-$text}
        case ${words[a]-} in answered | wrong) : "${milliseconds:=$((${took[a]} / 1000))}" ;; esac
    done
    if ! settled "$i" && [[ $line == *answered* ]]; then
        line=${line/answered/once} text="answered to one of ${tries[i]} source ports" milliseconds=''
    fi
    echo "MARK $i ${line#,} ${milliseconds:-$((${took[i * TRIES]:-0} / 1000))} ${text//$'\n'/ }"
}

for i in "${!targets[@]}"; do start "$i"; done
now
first=$clock second=0 pause=5
while :; do
    for a in "${!fds[@]}"; do
        if read -r -t 0 -u "${fds[a]}"; then now; hear "$a"; confirm "$a"; fi
    done
    now
    if ((!second && clock - first > STAGGER * 1000)); then
        second=1
        for i in "${!targets[@]}"; do settled "$i" || start "$i"; done
        pause=5
        continue
    fi
    open=0
    for a in "${!fds[@]}"; do
        if settled $((a / TRIES)); then
            word=dropped
        elif ((clock - began[a] > PATIENCE * 1000)); then
            word=silent
        else
            ((open += 1))
            continue
        fi
        if [[ -n ${pids[a]-} ]]; then kill -KILL "${pids[a]}"; fi
        ended "$a" $word ''
    done
    if ((open == 0)); then
        left=0
        if ((!second)); then for i in "${!targets[@]}"; do settled "$i" || left=1; done; fi
        if ((!left)); then break; fi
    fi
    printf -v seconds '0.%03d' $pause
    if ((pause < 40)); then ((pause += 5)); fi
    read -r -t "$seconds" -u "$nothing"
done
for i in "${!targets[@]}"; do tell "$i"; done
""".replace("PATIENCE", str(PATIENCE))
    .replace("STAGGER", str(STAGGER))
    .replace("TRIES", str(TRIES))
    .replace("MARK", _MARK)
)
