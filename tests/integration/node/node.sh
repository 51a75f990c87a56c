# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Runs as the first process of new namespaces: lays overlays over what CNIs write to, then holds the namespaces.
# Usage: node.sh SCRATCH
set -eu
scratch=$1

mount -t tmpfs tmpfs "$scratch"
for name in etc opt var; do
    mkdir -p "$scratch/$name/upper" "$scratch/$name/work"
    mount -t overlay overlay -o "lowerdir=/$name,upperdir=$scratch/$name/upper,workdir=$scratch/$name/work" "/$name"
done
mount -t tmpfs tmpfs /run

# Only with the overlays in place: what the machine itself may have of a CNI is not to be seen.
for name in etc opt var; do
    mountpoint -q "/$name"
done
rm -rf /etc/cni /opt/cni /var/lib/cni /var/lib/calico /var/log/calico /var/lib/kubelet /var/backups/podnet.cni

echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
echo ready
exec sleep infinity
