#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cni_info
short_description: Snapshot of a node's pod network and of who owns each part
version_added: 0.1.0
author: The podnet.cni authors (@podnet)
description:
  - Reads in one call what the kernel, the files and the container runtime of a Kubernetes node say about its network,
    and names for each item the CNI or component it belongs to.
  - Shows the CNI configuration that the container runtime is to load, why it is that one, and what the runtime really holds,
    as it tells over its CRI socket.
  - Reads only. Needs nothing on the node but Python 3.8 and what a node has anyway.
    A tool that is not there is named in RV(snapshot.missing).
options:
  packet_filters:
    description:
      - Whether to read what tells of single packets, too, and may be very long; the members of IP sets, and the nftables tables of
        kube-proxy and flannel. M(podnet.cni.network_path) needs the first to judge policies, and the others where kube-proxy or flannel
        works with nftables.
    type: bool
    default: false
extends_documentation_fragment:
  - podnet.cni.node_directories
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
notes:
  - Run it as root (C(become)); without it packet filters and the runtime stay unknown.
  - A flannel that runs inside another program (k3s) is not seen among RV(snapshot.processes).
seealso:
  - module: podnet.cni.cni_cleanup
  - module: podnet.cni.cni_conflist
  - module: podnet.cni.cni_link_policy
"""

EXAMPLES = r"""
- name: Take a snapshot of the node's network
  podnet.cni.cni_info:
  become: true
  register: node

- name: Show it in a few lines
  ansible.builtin.debug:
    var: node.summary

- name: Refuse to go on while something of flannel is left
  ansible.builtin.assert:
    that: node.snapshot.links | selectattr('owner', 'match', 'flannel') | length == 0
"""

RETURN = r"""
snapshot:
  description:
    - The node's network. Every link, address, route, neighbour, chain, rule, set and file has an RV(ignore:owner), one of
      V(flannel), V(flannel-vxlan), V(flannel-host-gw), V(flannel-udp), V(flannel-wireguard), V(flannel-ipip), V(calico),
      V(kube-proxy), V(kubelet), V(runtime), V(host), V(unknown).
  returned: success
  type: dict
  sample:
    hostname: node-1
    architecture: amd64
    kernel: 6.1.0-28-amd64
    links:
      - name: flannel.1
        kind: vxlan
        mtu: 1450
        state: UNKNOWN
        up: true
        mac: 5a:0c:12:7e:91:03
        master: ""
        vxlan:
          vni: 1
          port: 8472
          local: 192.0.2.11
          device: eth0
          learning: false
        owner: flannel-vxlan
    routes:
      - destination: 10.244.1.0/24
        gateway: 10.244.1.0
        device: flannel.1
        protocol: boot
        kind: unicast
        scope: ""
        metric: 0
        table: main
        family: 4
        onlink: true
        owner: flannel-vxlan
    conflists:
      - path: /etc/cni/net.d/10-flannel.conflist
        network: cbr0
        cni_version: 0.3.1
        plugins: [flannel, portmap]
        problem: ""
        wins: true
        reason: first in lexical order
        owner: flannel
    runtime:
      name: containerd
      version: 1.7.24
      socket: /run/containerd/containerd.sock
      network_ready: true
      network_message: ""
      loaded: [cbr0]
      reload_status: OK
      conf_dir: /etc/cni/net.d
      bin_dir: /opt/cni/bin
      default_network: ""
      problem: ""
    link_managers:
      - name: NetworkManager
        active: true
        rules:
          - path: /etc/NetworkManager/conf.d/90-podnet-cni.conf
            names: ["flannel*", cni0, "cali*", vxlan.calico, vxlan-v6.calico, tunl0]
            types: []
            leaves: true
    firewalls: [firewalld]
    input_chains:
      - family: inet
        table: firewalld
        name: filter_INPUT
        hook: input
        policy: accept
        rules:
          - conditions:
              - key: udp dport
                values: ["8472"]
                negated: false
            verdict: accept
            target: ""
    disks:
      - path: /etc/cni/net.d
        total: 42949672960
        free: 30064771072
        inodes: 2621440
        inodes_free: 2400000
    missing:
      - "nft: not found; unknown: native nftables tables"
  contains:
    hostname:
      description: The node's own name.
      type: str
    architecture:
      description: Kubernetes' name of the processor architecture.
      type: str
    kernel:
      description: Release of the kernel.
      type: str
    links:
      description: Network devices, with VXLAN details where they have them.
      type: list
      elements: dict
    addresses:
      description: Addresses of the devices.
      type: list
      elements: dict
    routes:
      description: Routes of all tables and both families; one entry for each next hop.
      type: list
      elements: dict
    neighbours:
      description: ARP and NDP entries.
      type: list
      elements: dict
    fdb:
      description: Forwarding database entries of bridges and VXLAN devices.
      type: list
      elements: dict
    chains:
      description: iptables chains with their rules, both backends (V(legacy), V(nft)) and families.
      type: list
      elements: dict
    nft_tables:
      description: Native nftables tables, without those that iptables keeps.
      type: list
      elements: dict
    ipsets:
      description: IP sets of the kernel; their C(members) with O(packet_filters).
      type: list
      elements: dict
    conflists:
      description: CNI configurations in lexical order.
      type: list
      elements: dict
      contains:
        wins:
          description: Whether the runtime is to load this file.
          type: bool
        reason:
          description: Why it wins or loses.
          type: str
    files:
      description: Plugins, leases and other state, and files of the configuration directory that are no configuration.
      type: list
      elements: dict
    subnet_env:
      description: Content of flannel's C(subnet.env).
      type: dict
    sysctls:
      description: Kernel parameters of forwarding, by name; a slash stands for a dot inside a device's name.
      type: dict
    runtime:
      description: The container runtime and the CNI configuration it holds, in its own words.
      type: dict
    kubelet:
      description: State of kubelet's systemd unit.
      type: dict
    processes:
      description: CNI daemons that run in the node's own network.
      type: list
      elements: str
    link_managers:
      description: Programs that take care of network devices and run, with what their files say of which devices, first match first.
      type: list
      elements: dict
    firewalls:
      description: Services that manage a packet filter and run - V(firewalld), V(ufw), V(nftables).
      type: list
      elements: str
    input_chains:
      description: Native nftables chains that filter what comes in, without a CNI's and kube-proxy's, reduced to what decides.
      type: list
      elements: dict
    listeners:
      description: UDP ports on which something listens, the kernel for a VXLAN device among them; an empty address stands for any.
      type: list
      elements: dict
    virtual_servers:
      description: Addresses and ports that IPVS answers for, and among whom it chooses.
      type: list
      elements: dict
    nft_chains:
      description: The nftables tables of kube-proxy and flannel in the words of iptables, with O(packet_filters).
      type: list
      elements: dict
    disks:
      description: Room in bytes and in files where configuration, plugins, kubelet and runtime keep theirs.
      type: list
      elements: dict
    missing:
      description: Tools without an answer, why, and what is unknown because of it.
      type: list
      elements: str
summary:
  description: The same in a few lines for a person.
  returned: success
  type: list
  elements: str
  sample:
    - "node-1: amd64, kernel 6.1.0-28-amd64, containerd 1.7.24, pod network ready"
    - "CNI configuration: 10-flannel.conflist (flannel) wins, of 1; the runtime holds cbr0"
    - "flannel: 4 links, 5 addresses, 9 routes, 2 neighbours, 2 fdb, 2 chains, 1 conflists, 3 files, 2 rules; runs: flanneld"
    - "calico: nothing; does not run"
    - "not seen: nft: not found; unknown: native nftables tables"
"""

from ansible_collections.podnet.cni.plugins.module_utils import _entry
from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model
from ansible_collections.podnet.cni.plugins.module_utils._node import collect, options


def act(call: _entry.Call) -> _entry.Result:
    snapshot = collect.collect(conf_dir=call.params["conf_dir"] or "", packet_filters=call.params["packet_filters"])
    return {"changed": False, "snapshot": model.to_dict(snapshot), "summary": model.summary(snapshot)}


SPEC = _entry.Spec({**options.CONF_DIR, "packet_filters": {"type": "bool", "default": False}}, act)


def main() -> None:
    """Entry point of the module."""
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
