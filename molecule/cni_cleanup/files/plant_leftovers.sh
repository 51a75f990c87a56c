#!/bin/sh
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Leaves on this node what flannel leaves behind.   plant_leftovers.sh NUMBER
set -eu
number=$1
range=10.250.$number

ip link add flannel.1 type vxlan id 1 dev eth0 dstport 8472 nolearning
ip address add "$range.0/32" dev flannel.1
ip link set flannel.1 up
ip route add 10.250.99.0/24 via 10.250.99.0 dev flannel.1 onlink
ip neigh add 10.250.99.0 lladdr 02:00:00:00:00:63 dev flannel.1 nud permanent
bridge fdb append 02:00:00:00:00:63 dev flannel.1 dst 192.0.2.99
ip link add cni0 type bridge
ip address add "$range.1/24" dev cni0
ip link set cni0 up

mkdir -p /run/flannel /var/lib/cni/flannel /var/lib/cni/networks/cbr0
printf 'FLANNEL_NETWORK=10.250.0.0/16\nFLANNEL_SUBNET=%s.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n' "$range" >/run/flannel/subnet.env
printf '0123\r\neth0' >"/var/lib/cni/networks/cbr0/$range.7"
printf '%s.7' "$range" >/var/lib/cni/networks/cbr0/last_reserved_ip.0
touch /opt/cni/bin/flannel
chmod +x /opt/cni/bin/flannel
cat >/etc/cni/net.d/90-flannel.conflist <<CONFLIST
{"name": "cbr0", "cniVersion": "0.3.1", "plugins": [{"type": "flannel", "delegate": {"isDefaultGateway": true}}, {"type": "portmap"}]}
CONFLIST

for iptables in iptables-legacy iptables-nft; do
    "$iptables" -w -t nat -N FLANNEL-POSTRTG
    "$iptables" -w -t nat -A FLANNEL-POSTRTG -s 10.250.0.0/16 ! -d 224.0.0.0/4 -m comment --comment "flanneld masq" -j MASQUERADE
    "$iptables" -w -t nat -A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG
    "$iptables" -w -t filter -N FLANNEL-FWD
    "$iptables" -w -t filter -A FLANNEL-FWD -s 10.250.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT
    "$iptables" -w -t filter -A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD
    "$iptables" -w -t filter -A FORWARD -d 10.250.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT # as before v0.20
done
nft add table ip flannel-ipv4
nft add chain ip flannel-ipv4 postrtg '{ type nat hook postrouting priority srcnat; }'

# What is not flannel's must survive.
ip link add podnet-keep type bridge
iptables-legacy -w -t nat -N PODNET-KEEP
iptables-legacy -w -t nat -A PODNET-KEEP -s 10.251.0.0/16 -j RETURN
iptables-legacy-save -t nat | grep -v -i -e flannel -e '^#' -e '^:' >/run/podnet-nat-before
