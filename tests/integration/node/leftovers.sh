# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Makes, inside a test's namespaces, what is on a node: things of others (foreign), and what each CNI leaves.

net=10.244.0.0/16
own=10.244.1.0/24

# COMMAND for each backend and family of iptables, called as `COMMAND PROGRAM`.
each_iptables() {
    for program in iptables-legacy iptables-nft ip6tables-legacy ip6tables-nft; do
        "$1" "$program" 2>/dev/null
    done
}

file() { # PATH CONTENT
    mkdir -p "$(dirname "$1")"
    printf '%s\n' "$2" >"$1"
}

foreign() {
    ip link set dev lo up
    ip link add name eth0 type veth peer name wire0
    ip link set dev eth0 up
    ip link set dev wire0 up
    ip address add 192.0.2.11/24 dev eth0
    ip route add default via 192.0.2.1
    ip route add 10.50.0.0/16 via 192.0.2.50
    ip route add 10.244.77.0/24 via 192.0.2.77 proto static
    ip route add blackhole 10.60.0.0/16
    ip neighbour add 192.0.2.50 lladdr 02:00:00:00:00:50 dev eth0 nud permanent

    ip link add name docker0 type bridge
    ip address add 172.17.0.1/16 dev docker0
    ip link set dev docker0 up
    ip link add name other0 type vxlan id 42 dev eth0 dstport 4242 nolearning
    ip link set dev other0 up
    ip neighbour add 172.18.0.1 lladdr 02:00:00:00:00:42 dev other0 nud permanent
    bridge fdb append 02:00:00:00:00:42 dev other0 dst 192.0.2.42

    each_iptables foreign_rules

    file /etc/cni/net.d/20-mine.conflist '{"cniVersion": "0.3.1", "name": "mine", "plugins": [{"type": "bridge"}]}'
    file /etc/cni/net.d/README 'not a configuration'
    for name in bridge host-local loopback portmap mine; do
        file "/opt/cni/bin/$name" "$name"
    done
    file /var/lib/cni/networks/mine/10.9.0.2 container
    file /var/lib/cni/results/mine-1-eth0 '{}'
    file /var/lib/cni/cache/results/mine-1-eth0 '{}'
    file /var/log/other.log line
    file /run/other/state value
}

foreign_rules() {
    for table in raw mangle nat filter; do
        "$1" -t "$table" -N MINE
        "$1" -t "$table" -A MINE -m comment --comment "not flanneld's, nor cali's" -j RETURN
        "$1" -t "$table" -A OUTPUT -j MINE
    done
    "$1" -t nat -N KUBE-SERVICES
    "$1" -t nat -A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
    "$1" -t nat -A POSTROUTING -o docker0 -j MASQUERADE
    "$1" -A FORWARD -i docker0 -p tcp --dport 22 -j DROP
    "$1" -P FORWARD DROP
}

flannel_common() {
    ip link add name cni0 type bridge
    ip address add 10.244.1.1/24 dev cni0
    ip link set dev cni0 up
    conflist='{"cniVersion": "0.3.1", "name": "cbr0", "plugins": [{"type": "flannel", "delegate": {}}, {"type": "portmap"}]}'
    file /etc/cni/net.d/10-flannel.conflist "$conflist"
    file /etc/cni/net.d/10-flannel.conflist.bak "$conflist"
    file /run/flannel/subnet.env "FLANNEL_NETWORK=$net
FLANNEL_SUBNET=10.244.1.1/24
FLANNEL_MTU=1450
FLANNEL_IPMASQ=true"
    file /opt/cni/bin/flannel flannel
    file /var/lib/cni/flannel/0123456789ab '{}'
    file /var/lib/cni/networks/cbr0/10.244.1.2 container
    file /var/lib/cni/networks/cbr0/lock ''
    file /var/lib/cni/results/cbr0-0123456789ab-eth0 '{}'
    file /var/lib/cni/cache/results/cbr0-0123456789ab-eth0 '{}'
    if command -v nft >/dev/null; then nft add table ip flannel-ipv4; fi
}

flannel_chains() { each_iptables flannel_chains_of; }

flannel_chains_of() {
    case $1 in
    ip6*) network=fd00:10::/48 subnet=fd00:10:0:1::/64 multicast=ff00::/8 ;;
    *) network=$net subnet=$own multicast=224.0.0.0/4 ;;
    esac
    "$1" -t nat -N FLANNEL-POSTRTG
    "$1" -t nat -A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -m comment --comment "flanneld masq" -j RETURN
    "$1" -t nat -A FLANNEL-POSTRTG -s "$subnet" -d "$network" -m comment --comment "flanneld masq" -j RETURN
    "$1" -t nat -A FLANNEL-POSTRTG -s "$network" ! -d "$multicast" -m comment --comment "flanneld masq" -j MASQUERADE --random-fully
    "$1" -t nat -I POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG
    "$1" -N FLANNEL-FWD
    "$1" -A FLANNEL-FWD -s "$network" -m comment --comment "flanneld forward" -j ACCEPT
    "$1" -A FLANNEL-FWD -d "$network" -m comment --comment "flanneld forward" -j ACCEPT
    "$1" -A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD
}

# No chains: first without comments at all, later with them.
flannel_old_rules() {
    for program in iptables-legacy iptables-nft; do
        for comment in "" "-m comment --comment flanneld_masq"; do
            tag=$(printf %s "$comment" | tr _ ' ')
            set -- "$program"
            [ -z "$tag" ] || set -- "$program" -m comment --comment "${tag##*--comment }"
            old_rules "$@" 2>/dev/null
        done
    done
}

old_rules() { # PROGRAM [MATCH...]
    program=$1
    shift
    "$program" -t nat -A POSTROUTING -s "$net" -d "$net" "$@" -j RETURN
    "$program" -t nat -A POSTROUTING -s "$net" ! -d 224.0.0.0/4 "$@" -j MASQUERADE --random-fully
    "$program" -t nat -A POSTROUTING ! -s "$net" -d "$own" "$@" -j RETURN
    "$program" -t nat -A POSTROUTING ! -s "$net" -d "$net" "$@" -j MASQUERADE --random-fully
    "$program" -A FORWARD -s "$net" "$@" -j ACCEPT
    "$program" -A FORWARD -d "$net" "$@" -j ACCEPT
}

flannel_vxlan() {
    ip link add name flannel.1 type vxlan id 1 dev eth0 local 192.0.2.11 dstport 8472 nolearning
    ip address add 10.244.1.0/32 dev flannel.1
    ip link set dev flannel.1 up
    for peer in 2 3; do
        ip route add "10.244.$peer.0/24" via "10.244.$peer.0" dev flannel.1 onlink
        ip neighbour add "10.244.$peer.0" lladdr "02:00:00:00:01:0$peer" dev flannel.1 nud permanent
        bridge fdb append "02:00:00:00:01:0$peer" dev flannel.1 dst "192.0.2.1$peer"
    done
}

flannel_host_gw() {
    ip route add 10.244.4.0/24 via 192.0.2.14 dev eth0
    ip route add 10.244.5.0/24 via 192.0.2.15 dev eth0
}

flannel_udp() {
    ip tuntap add dev flannel0 mode tun
    ip address add 10.244.1.0/32 dev flannel0
    ip link set dev flannel0 up
    ip route add "$net" dev flannel0
}

flannel_ipip() {
    ip link add name flannel.ipip type ipip local 192.0.2.11
    ip address add 10.244.1.0/32 dev flannel.ipip
    ip link set dev flannel.ipip up
    ip route add 10.244.2.0/24 via 192.0.2.12 dev flannel.ipip onlink
}

flannel_wireguard() {
    ip link add name flannel-wg type wireguard
    ip address add 10.244.1.0/32 dev flannel-wg
    ip link set dev flannel-wg up
    ip route add "$net" dev flannel-wg
}

# /run and the rules are empty after a reboot; the conflist and what lies in /var are still there.
flannel_rebooted() {
    rm -r /run/flannel
    ip link del dev cni0
}

calico_common() {
    ip link add name cali0123456789a type veth peer name dead0
    ip route add blackhole 10.244.1.0/26 proto 80
    file /etc/cni/net.d/10-calico.conflist '{"cniVersion": "0.3.1", "name": "k8s-pod-network", "plugins": [{"type": "calico"}, {"type": "portmap"}]}'
    file /etc/cni/net.d/calico-kubeconfig 'token: s3cr3t'
    file /opt/cni/bin/calico calico
    file /opt/cni/bin/calico-ipam calico-ipam
    file /var/lib/calico/nodename node1
    file /var/lib/cni/networks/k8s-pod-network/last_reserved_ip.0 10.244.1.9
    file /var/lib/cni/results/k8s-pod-network-0123456789ab-eth0 '{}'
    file /var/log/calico/cni/cni.log line
    file /run/calico/bird.ctl ''
    mkdir -p /run/calico/cgroup
    mount -t tmpfs tmpfs /run/calico/cgroup
    if command -v ipset >/dev/null; then ipset create cali40all-ipam-pools hash:net; fi
}

calico_chains() { each_iptables calico_chains_of; }

calico_chains_of() {
    for place in raw:PREROUTING raw:OUTPUT mangle:PREROUTING mangle:POSTROUTING nat:PREROUTING nat:POSTROUTING filter:INPUT filter:FORWARD filter:OUTPUT; do
        table=${place%:*} hook=${place#*:}
        "$1" -t "$table" -N "cali-$hook"
        "$1" -t "$table" -A "cali-$hook" -m comment --comment "cali:6gwbT8clXdHdC1b1" -j RETURN
        "$1" -t "$table" -I "$hook" -m comment --comment "cali:Cz_u1IQiXIMmKD4c" -j "cali-$hook"
    done
    "$1" -N cali-from-wl-dispatch
    "$1" -A cali-from-wl-dispatch -m comment --comment "cali:zTj6P0TIgYvgz-md" -j DROP
    "$1" -A cali-FORWARD -i cali+ -m comment --comment "cali:8ZoYfO5HKXWbB3pk" -g cali-from-wl-dispatch
    "$1" -A FORWARD -m comment --comment "cali:S93hcgKJrXEqnTfs" -m mark --mark 0x10000/0x10000 -j ACCEPT
    "$1" -A MINE -j cali-INPUT
}

calico_vxlan() {
    ip link add name vxlan.calico type vxlan id 4096 dev eth0 local 192.0.2.11 dstport 4789 nolearning
    ip address add 10.244.1.1/32 dev vxlan.calico
    ip link set dev vxlan.calico up
    ip route add 10.244.2.0/26 via 10.244.2.1 dev vxlan.calico onlink proto 80
    ip neighbour add 10.244.2.1 lladdr 02:00:00:00:02:02 dev vxlan.calico nud permanent
    bridge fdb append 02:00:00:00:02:02 dev vxlan.calico dst 192.0.2.12
}

calico_ipip() {
    ip link set dev tunl0 up
    ip address add 10.244.1.1/32 dev tunl0
    ip route add 10.244.2.0/26 via 192.0.2.12 dev tunl0 onlink proto bird
}

calico_bgp() {
    ip route add 10.244.2.0/26 via 192.0.2.12 dev eth0 proto bird
    ip route add 10.244.3.0/26 via 192.0.2.13 dev eth0 proto bird
}

# Signs of life

pod_on_cni0() {
    ip link add name vethpod type veth peer name pod0
    ip link set dev vethpod master cni0
    ip link set dev vethpod up
    ip link set dev pod0 up
}

pod_of_calico() {
    ip link add name califedcba98765 type veth peer name pod0
    ip link set dev califedcba98765 up
    ip link set dev pod0 up
}

daemon() { # NAME
    cp "$(command -v sleep)" "/run/$1"
    "/run/$1" 600 >/dev/null 2>&1 &
}
