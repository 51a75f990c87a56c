# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two programs of the connectivity probe: what measures in every pod, and what tells it where the other pods are.

Pure: text only. Both are written for bash 5 with no other program but curl, so they run in the Kubernetes project's test image. One
process asks all questions of a pod: a process for each of them, ten times a second, would cost more than what it measures.
`continuity` reads what `PROBER` writes. Private: may change at any time.
"""

from __future__ import annotations

# One probe is a packet with a socket of its own (pod to pod, DNS), or a connection that a worker opens (Services). bash cannot open a
# connection without waiting for it, so workers do, and only as many as are waiting at the same time: one, unless something is broken.
#
# What it writes, times in microseconds since 1970:
#   run  TIME ROLE NODE POD INTERVAL        the program starts
#   path ID KEY                             from now on ID stands for KEY, which is KIND or KIND:TARGET
#   at   TIME ID ADDRESS WANTED             where the probes of a path go from now on
#   up   TIME ID                            the first probe that was answered; the time of all probes is that of their sending
#   bad  TIME ID WHY [INSTEAD]              one that was not, and what came instead; at most one a second
#   gap  TIME ID TIME                       a probe was answered that was sent much later than the one answered before it
#   ok   TIME                               each second in which no path lost anything
#   sec  TIME ID=ANSWERED/LOST/WIDEST/AGE   any other second, and each tenth: probes with a result since the last such line, widest gap
#                                           and age of the last answered one in ms; probes sent before the first answered one do not
#                                           count any more once that is known
#   late TIME TIME                          a round that began much later than the one before it: the probe was not run
#   end  TIME WHY                           it stops by itself
PROBER = r"""
LC_ALL=C
IFS=$' \t\n'
second=1000000 patience=1000000 most_workers=64
interval=$((INTERVAL_MS * 1000))
started=${EPOCHREALTIME/./}
declare -A path_of
names=() kinds=() hosts=() ports=() wants=() live=() answered=() lost=() first=() last=() widest=() bad=()
udp_fd=() udp_path=() udp_time=() next_udp=0
idle=() worker_fd=() worker_pid=() worker_path=() worker_time=() worker_host=() workers=0
known='' ending='' rounds=0 reports=0 forgive=0

mkdir -p "$DATA"
TMPDIR=$DATA
used=$(du -sk "$DATA")
room=$((LIMIT_KIB * 1024 - ${used%%[!0-9]*} * 1024))
exec {log}>>"$DATA/$ROLE-$started.log" {nothing}<> <(:) {results}<> <(:)
# Once it is told to stop, it goes on until it is killed, and writes after each round.
trap 'ending=1' TERM INT
# A server that closes before it has heard everything is a matter of the server.
trap '' PIPE

say() {
    ((room -= ${#1} + 1))
    printf '%s\n' "$1" >&"$log"
}

nap() { # MICROSECONDS
    local seconds
    (($1 > 0)) || return 0
    printf -v seconds '%d.%06d' $(($1 / second)) $(($1 % second))
    read -r -t "$seconds" -u "$nothing"
}

# path KEY udp|tcp|dns HOST PORT WANTED: what is asked from now on under that key, and where.
path() {
    local p=${path_of[$1]-} w
    if [[ -z $p ]]; then
        p=${#names[@]}
        path_of[$1]=$p names[p]=$1 answered[p]=0 lost[p]=0 last[p]=0 widest[p]=0 first[p]=0 bad[p]=0
        say "path $p $1"
    fi
    live[p]=1
    if [[ "${kinds[p]-} ${hosts[p]-} ${ports[p]-} ${wants[p]-}" != "$2 $3 $4 $5" ]]; then
        kinds[p]=$2 hosts[p]=$3 ports[p]=$4 wants[p]=$5
        for w in ${idle[p]-}; do dismiss "$w"; done
        idle[p]=''
        say "at ${EPOCHREALTIME/./} $p $3 ${5:--}"
    fi
}

good() { # PATH TIME
    local p=$1 gap=$(($2 - last[$1]))
    ((answered[p] += 1))
    if ((last[p] == 0)); then
        say "up $2 $p"
        last[p]=$2 first[p]=$2 lost[p]=0
    elif ((gap > 0)); then
        if ((gap > widest[p])); then widest[p]=$gap; fi
        if ((gap * 2 > interval * 5)); then say "gap $2 $p ${last[p]}"; fi
        last[p]=$2
    fi
}

# A probe from before the first one that was answered says nothing any more once that is known.
failed() { # PATH TIME WHY
    (($2 >= first[$1])) || return 0
    ((lost[$1] += 1))
    (($2 - bad[$1] > second)) || return 0
    bad[$1]=$2
    say "bad $2 $1 $3"
}

# What the DNS is asked, as it goes over the wire, in printf's notation: the address of the probe's own Service. bash cuts what it writes
# after each newline, and a label of ten letters begins with one; where there is one, it is the name of the API server's address.
make_question() {
    local line server='' domain='' label labels kind='\x01'
    while read -r -a line; do
        case ${line[0]-} in
        nameserver) server=${server:-${line[1]}} ;;
        search) domain=${line[1]#*.svc.} ;;
        esac
    done <"$RESOLV_CONF"
    [[ -n $server ]] || return 0
    IFS=. read -r -a labels <<<"probe.$NAMESPACE.svc.$domain"
    if [[ " ${labels[*]} " =~ \ [^\ ]{10}\  ]]; then
        IFS=. read -r -a labels <<<"$KUBERNETES_SERVICE_HOST"
        labels=("${labels[3]}" "${labels[2]}" "${labels[1]}" "${labels[0]}" in-addr arpa)
        kind='\x0c'
    fi
    question='AB\x01\x10\x00\x01\x00\x00\x00\x00\x00\x00'
    for label in "${labels[@]}"; do
        printf -v label '\\x%02x%s' ${#label} "$label"
        question+=$label
    done
    question+="\\x00\\x00$kind\\x00\\x01"
    path pod-to-dns dns "$server" "$DNS_PORT" -
}

send_udp() { # PATH
    local p=$1 fd
    if exec {fd}<>"/dev/udp/${hosts[p]}/${ports[p]}"; then
        if [[ ${kinds[p]} == dns ]]; then printf "$question" >&"$fd"; else printf '?' >&"$fd"; fi
        udp_fd[next_udp]=$fd udp_path[next_udp]=$p udp_time[next_udp]=$now
        ((next_udp += 1))
    else
        failed "$p" "$now" unreachable
    fi
}

# What came back on a socket: "good" or why not. Only -N takes a packet at once. Of a DNS answer the first four bytes are wanted, identity,
# flags and the code of the result. bash drops zeros and would wait for more, so the question has a flag beside the code that servers
# give back.
judge() { # PATH FD
    local answer=''
    if [[ ${kinds[$1]} == dns ]]; then
        read -r -N 4 -t 0.02 -u "$2" answer
        case $answer in
        AB? | AB?[$'\20\200\220']) verdict=good ;;
        '') verdict=refused ;;
        *) printf -v verdict 'wrong %q' "${answer:3}" ;;
        esac
    else
        read -r -N "${#wants[$1]}" -t 0.02 -u "$2" answer
        case $answer in
        "${wants[$1]}") verdict=good ;;
        '') verdict=refused ;;
        *) printf -v verdict 'wrong %q' "$answer" ;;
        esac
    fi
}

settle() { # PATH TIME VERDICT
    if [[ $3 == good ]]; then good "$1" "$2"; else failed "$1" "$2" "$3"; fi
}

hear_udp() {
    local n fd
    for n in "${!udp_fd[@]}"; do
        fd=${udp_fd[n]}
        if read -r -t 0 -u "$fd"; then
            judge "${udp_path[n]}" "$fd"
        elif ((now - udp_time[n] > patience)); then
            verdict=timeout
        else
            continue
        fi
        settle "${udp_path[n]}" "${udp_time[n]}" "$verdict"
        exec {fd}>&-
        unset "udp_fd[n]" "udp_path[n]" "udp_time[n]"
    done
}

worker() { # NUMBER HOST PORT WANTED: connects whenever it is sent a byte, and says what it saw
    local fd answer seen code
    trap - TERM INT
    # What was open when it began would stay so, and of other workers it would be the reason why they never end.
    for fd in "${worker_fd[@]}" "${udp_fd[@]}"; do exec {fd}>&-; done
    while read -r -N 1; do
        seen=refused answer='' code=0
        if exec {fd}<>"/dev/tcp/$2/$3"; then
            case $4 in
            /*)
                printf 'GET %s HTTP/1.0\r\nHost: %s\r\n\r\n' "$4" "$2" >&"$fd"
                read -r -N 12 -t 1 -u "$fd" answer
                ;;
            open) answer=probe-none ;;
            *) read -r -N 64 -t 1 -u "$fd" answer ;;
            esac
            code=$?
            exec {fd}>&-
            case $answer in
            HTTP/?.?\ 5*) seen=${answer:9:3} ;;
            HTTP/* | probe-*) seen=good ;;
            '') seen=silent ;;
            *) printf -v seen 'wrong %q' "$answer" ;;
            esac
        fi
        printf '%s %s\n' "$1" "$seen" >&"$results"
        # What comes after the time is up would be taken for the beginning of the next answer.
        ((code < 128)) || exit
    done
}

send_tcp() { # PATH
    local p=$1 w fd
    if [[ -n ${idle[p]-} ]]; then
        w=${idle[p]##* }
        idle[p]=${idle[p]% *}
    elif ((${#worker_pid[@]} < most_workers)); then
        w=$((workers += 1))
        exec {fd}> >(worker "$w" "${hosts[p]}" "${ports[p]}" "${wants[p]}")
        worker_fd[w]=$fd worker_pid[w]=$! worker_host[w]=${hosts[p]}
    else
        failed "$p" "$now" timeout
        return
    fi
    worker_path[w]=$p worker_time[w]=$now
    printf . >&"${worker_fd[w]}"
}

dismiss() { # NUMBER
    local fd=${worker_fd[$1]}
    exec {fd}>&-
    unset "worker_path[$1]" "worker_fd[$1]" "worker_pid[$1]" "worker_time[$1]" "worker_host[$1]"
}

hear_tcp() {
    local w p seen
    while read -r -t 0 -u "$results"; do
        read -r -u "$results" w seen
        p=${worker_path[w]-}
        [[ -n $p ]] || continue
        settle "$p" "${worker_time[w]}" "$seen"
        unset "worker_path[w]"
        case $seen in
        good | refused | [1-5]*) if [[ ${worker_host[w]} == "${hosts[p]}" ]]; then idle[p]+=" $w"; else dismiss "$w"; fi ;;
        *) dismiss "$w" ;;
        esac
    done
    for w in "${!worker_path[@]}"; do
        ((now - worker_time[w] > patience && now > forgive)) || continue
        failed "${worker_path[w]}" "${worker_time[w]}" timeout
        kill -KILL "${worker_pid[w]}"
        dismiss "$w"
    done
}

# The watcher's word on where the others are. A node that it no longer names is asked no more.
meet_peers() {
    local lines line what node address name p
    mapfile -t lines <"$DATA/peers" || return 0
    [[ ${lines[*]} != "$known" ]] || return 0
    # A path that goes leaves its figures behind.
    if [[ -n $known ]]; then reports=0 && report; fi
    known=${lines[*]}
    for p in "${!names[@]}"; do
        case ${names[p]} in pod-to-pod:* | host-to-nodeport:*) unset "live[p]" ;; esac
    done
    for line in "${lines[@]}"; do
        read -r what node address name <<<"$line"
        case $ROLE-$what in
        pod-pod) [[ $node == "$NODE" ]] || path "pod-to-pod:$node" udp "$address" "$PORT" "$name" ;;
        host-host) path "host-to-nodeport:$node" tcp "$address" "$NODE_PORT" name ;;
        esac
    done
}

is_quiet() {
    local p
    for p in "${!live[@]}"; do
        if ((lost[p] || last[p] == 0 || (now - last[p]) * 2 > interval * 5 || widest[p] * 2 > interval * 5)); then return 1; fi
    done
}

# Where there is nothing to tell, the figures of ten seconds go into one line.
report() {
    local p text="sec $now" age
    if [[ -z $ending ]] && ((reports++ % 10)) && is_quiet; then
        say "ok $now"
        return
    fi
    reports=1
    for p in "${!names[@]}"; do
        age=-
        if ((last[p])); then age=$(((now - last[p]) / 1000)); fi
        if [[ -n ${live[p]-} ]]; then text+=" $p=${answered[p]}/${lost[p]}/$((widest[p] / 1000))/$age"; fi
        answered[p]=0 lost[p]=0 widest[p]=0
    done
    say "$text"
}

# What bash says about each socket that fails is in the readings already.
exec 2>/dev/null
say "run $started $ROLE $NODE $POD $interval"
if [[ $ROLE == pod ]]; then
    make_question
    path pod-to-service tcp "$SERVICE" "$PORT" name
fi
if [[ -n $APP ]]; then path "$ROLE-to-app:$APP_NAME" tcp "$APP" "$APP_PORT" "$APP_REQUEST"; fi

now=${EPOCHREALTIME/./}
tick=$now round=$now due=$((now + second))
while now=${EPOCHREALTIME/./} && ((now < UNTIL * second && room > 0)); do
    if (((now - round) * 2 > interval * 5)); then
        # The workers were held up, too: they get a moment to tell.
        say "late $now $round"
        forgive=$((now + 2 * interval))
    fi
    round=$now
    if ((rounds++ % 5 == 0)); then meet_peers; fi
    hear_udp
    hear_tcp
    for p in "${!live[@]}"; do
        if [[ ${kinds[p]} == tcp ]]; then send_tcp "$p"; else send_udp "$p"; fi
    done
    # Most answers are here before the processor has done anything else.
    nap 5000
    now=${EPOCHREALTIME/./}
    hear_udp
    hear_tcp
    if ((now >= due)) || [[ -n $ending ]]; then
        report
        due=$((due + second > now ? due + second : now + second))
    fi
    tick=$((tick + interval))
    now=${EPOCHREALTIME/./}
    # Rounds that were missed are not made up for: what was not asked was not answered, and shows as a gap.
    if ((tick < now)); then tick=$now; fi
    nap $((tick - now))
done
if ((room > 0)); then why=time; else why=full; fi
say "end ${EPOCHREALTIME/./} $why"
exec /agnhost pause
"""

# EndpointSlices say all that is wanted in a few hundred bytes a node. It runs on the host's network: the API server is then in reach
# whatever becomes of the pods' network, and the pod itself is one that a change of CNI does not make anew.
WATCHER = r"""
LC_ALL=C
IFS=$' \t\n'
case $KUBERNETES_SERVICE_HOST in
*:*) server=https://[$KUBERNETES_SERVICE_HOST]:$KUBERNETES_SERVICE_PORT ;;
*) server=https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT ;;
esac
slices_url=$server/apis/discovery.k8s.io/v1/namespaces/$NAMESPACE/endpointslices
declare -A slices hosts pods
written=''
mkdir -p "$DATA"
# Long texts that are read like files are files to bash, and the root of the container cannot be written to.
TMPDIR=$DATA
exec {nothing}<> <(:)
trap 'exit 0' TERM INT

field() { # JSON NAME: the first text of that name
    local rest=${1#*\"$2\":\"}
    value=''
    if [[ $rest != "$1" ]]; then value=${rest%%\"*}; fi
}

learn() { # EVENT: one line, which is one EndpointSlice
    local rest=$1 name part address node lines=''
    field "${1#*\"metadata\":}" name
    name=$value
    if [[ $1 == '{"type":"DELETED"'* ]]; then
        unset "slices[$name]"
        return
    fi
    while [[ $rest == *'{"addresses":["'* ]]; do
        rest=${rest#*'{"addresses":["'}
        part=${rest%%'{"addresses":["'*}
        address=${part%%\"*}
        field "$part" nodeName
        node=$value
        field "${part#*\"targetRef\":}" name
        if [[ $part != *'"terminating":true'* && -n $node ]]; then lines+="$value $node $address"$'\n'; fi
    done
    slices[$name]=$lines
}

# Nodes are those with a pod on the hosts' network. Of a node's other pod the last address stays until there is a new one.
combine() {
    local name pod node address
    hosts=()
    for name in "${!slices[@]}"; do
        while read -r pod node address; do
            case $pod in
            host-*) hosts[$node]=$address ;;
            probe-*) pods[$node]="$address $pod" ;;
            esac
        done <<<"${slices[$name]}"
    done
}

# This node and up to $PEERS others, evenly from the ring of all nodes: each is probed by as many as it probes.
choose() {
    local all count at=0 step
    mapfile -t all < <(printf '%s\n' "${!hosts[@]}" | sort)
    count=${#all[@]}
    while ((at < count)) && [[ ${all[at]} != "$NODE" ]]; do ((at += 1)); done
    chosen=("$NODE")
    for ((step = 1; step <= PEERS && step < count; step++)); do
        if ((count - 1 > PEERS)); then
            chosen+=("${all[(at + 1 + (step - 1) * (count - 1) / PEERS) % count]}")
        else
            chosen+=("${all[(at + step) % count]}")
        fi
    done
}

write() {
    local node text=''
    combine
    choose
    for node in "${chosen[@]}"; do
        if [[ -n ${hosts[$node]-} ]]; then text+="host $node ${hosts[$node]}"$'\n'; fi
        if [[ -n ${pods[$node]-} ]]; then text+="pod $node ${pods[$node]}"$'\n'; fi
    done
    if [[ $text == host* && $text != "$written" ]]; then
        printf '%s' "$text" >"$DATA/.peers" && mv -f "$DATA/.peers" "$DATA/peers" && written=$text
    fi
}

# The token goes by standard input: command lines can be read by others. Kubelet renews it, so each watch reads it again.
watch() {
    printf 'header = "Authorization: Bearer %s"\n' "$(<"$ACCESS/token")" |
        curl --silent --no-buffer --config - --cacert "$ACCESS/ca.crt" --connect-timeout 5 --keepalive-time 10 \
            "$slices_url?labelSelector=kubernetes.io/service-name=peers&watch=true&timeoutSeconds=300"
}

while :; do
    exec {stream}< <(watch)
    slices=()
    while IFS= read -r -u "$stream" event; do
        learn "$event"
        # Slices that come together are one change.
        if ! read -r -t 0 -u "$stream"; then write; fi
    done
    exec {stream}<&-
    read -r -t 1 -u "$nothing"
done
"""
