# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import link_policy
from ansible_collections.podnet.cni.plugins.module_utils._cni.link_policy import NETWORK_MANAGER, NETWORKD, UDEV
from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import LinkManager, LinkRule

EVERY = set(link_policy.EXAMPLES)
VETH = {"cali0123456789a"}
ETC, LIB = "/etc/systemd/network", "/usr/lib/systemd/network"
NM, NM_LIB = "/etc/NetworkManager/conf.d", "/usr/lib/NetworkManager/conf.d"
CALICO = "unmanaged-devices=interface-name:cali*;interface-name:tunl*;interface-name:vxlan.calico"


def claimed(manager: str, files: dict[str, str], active: bool = True) -> set[str]:
    return set(link_policy.claims(LinkManager(manager, active, link_policy.rules_of(manager, files))))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({}, set(), id="none"),
        pytest.param({f"{LIB}/80-container-ve.network": "[Match]\nName=ve-*\nDriver=veth\n"}, set(), id="other names"),
        pytest.param({f"{ETC}/10-all.network": "[Match]\nName=*\n[Network]\nDHCP=yes\n"}, EVERY, id="every name"),
        pytest.param({f"{ETC}/10-all.network": "[Match]\n\n[Network]\nDHCP=yes\n"}, EVERY, id="no condition"),
        pytest.param({f"{ETC}/10-all.network": "[Network]\nDHCP=yes\n"}, EVERY, id="no section"),
        pytest.param({f"{ETC}/10-ether.network": "[Match]\nType=ether\n"}, EVERY - {"tunl0"}, id="every Ethernet"),
        pytest.param({f"{ETC}/10-veth.network": "[Match]\nKind=veth\n"}, {"cali0123456789a"}, id="by kind"),
        pytest.param({f"{ETC}/10-eth.network": "[Match]\nName=eth* en*\n"}, set(), id="a card"),
        pytest.param({f"{ETC}/10-mac.network": "[Match]\nMACAddress=52:54:00:00:00:01\n"}, set(), id="by address"),
        pytest.param({f"{ETC}/10-not.network": "[Match]\nName=!cali* vxlan.calico\n"}, {"flannel.1", "cni0", "tunl0"}, id="all but"),
        pytest.param(
            {f"{ETC}/10-cni.network": "[Match]\nName=cali*\n[Link]\nUnmanaged=yes\n", f"{ETC}/20-all.network": "[Match]\nName=*\n"},
            EVERY - {"cali0123456789a"},
            id="first match decides",
        ),
        pytest.param(
            {f"{LIB}/10-cni.network": "[Match]\nName=*\n[Link]\nUnmanaged=yes\n", f"{ETC}/20-all.network": "[Match]\nName=*\n"},
            set(),
            id="by name, wherever the file is",
        ),
        pytest.param({f"{ETC}/10-all.network": "", f"{LIB}/10-all.network": "[Match]\nName=*\n"}, set(), id="hidden by an empty file"),
        pytest.param({f"{ETC}/10-all.network": "; [x]\n[match]\nname = *  \n#Name=eth0\n"}, EVERY, id="blanks, case, comments"),
        pytest.param(
            {f"{ETC}/10-all.conf": "[Match]\nName=*\n", f"{ETC}/10-all.link": "[Match]\nOriginalName=*\n"}, set(), id="other files"
        ),
    ],
)
def test_networkd(files: dict[str, str], expected: set[str]) -> None:
    assert claimed(NETWORKD, files) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({}, set(), id="none"),
        pytest.param({f"{LIB}/99-default.link": "[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=persistent\n"}, EVERY, id="default"),
        pytest.param({f"{LIB}/99-default.link": "[Match]\nOriginalName=*\n[Link]\nNamePolicy=keep\n"}, set(), id="names only"),
        pytest.param(
            {
                f"{LIB}/99-default.link": "[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=persistent\n",
                f"{ETC}/50-flannel.link": "[Match]\nOriginalName=flannel*\n[Link]\nMACAddressPolicy=none\n",
            },
            EVERY - {"flannel.1"},
            id="flannel's documentation",
        ),
    ],
)
def test_udev(files: dict[str, str], expected: set[str]) -> None:
    assert claimed(UDEV, files) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({}, EVERY, id="takes all"),
        pytest.param({f"{NM}/calico.conf": f"[keyfile]\n{CALICO}\n"}, {"flannel.1", "cni0"}, id="Calico's documentation"),
        pytest.param({link_policy.NM_FILE: f"[keyfile]\n{CALICO}\n"}, {"flannel.1", "cni0"}, id="main file"),
        pytest.param({f"{NM}/x.conf": "[keyfile]\nunmanaged-devices=*\n"}, set(), id="all"),
        pytest.param({f"{NM}/x.conf": "[keyfile]\nunmanaged-devices=\n"}, EVERY, id="an empty list"),
        pytest.param({f"{NM}/x.conf": "[keyfile]\nunmanaged-devices=mac:52:54:00:00:00:01\n"}, EVERY, id="a card"),
        pytest.param({f"{NM}/x.conf": "[keyfile]\nunmanaged-devices=type:veth,type:vxlan\n"}, {"cni0", "tunl0"}, id="by type"),
        pytest.param(
            {f"{NM}/x.conf": "[keyfile]\nunmanaged-devices=type:veth;interface-name:=cni0\n"}, EVERY - {"cni0", "cali0123456789a"}, id="or"
        ),
        pytest.param({f"{NM}/x.conf": "[keyfile]\nunmanaged-devices=*,except:interface-name:cni0\n"}, {"cni0"}, id="except"),
        pytest.param({f"{NM}/x.conf": "[keyfile]\nunmanaged-devices=except:interface-name:eth*\n"}, set(), id="only except"),
        pytest.param(
            {f"{NM}/a.conf": "[keyfile]\nunmanaged-devices=*\n", f"{NM}/b.conf": "[keyfile]\nunmanaged-devices=interface-name:cni0\n"},
            EVERY - {"cni0"},
            id="a later list replaces",
        ),
        pytest.param(
            {f"{NM}/a.conf": f"[keyfile]\n{CALICO}\n", f"{NM}/b.conf": "[keyfile]\nunmanaged-devices+=interface-name:cni0\n"},
            {"flannel.1"},
            id="a later list adds",
        ),
        pytest.param(
            {f"{NM_LIB}/a.conf": "[keyfile]\nunmanaged-devices=*\n", f"{NM}/a.conf": "[main]\n"}, EVERY, id="hidden by the same name"
        ),
        pytest.param(
            {f"{NM_LIB}/z.conf": "[keyfile]\nunmanaged-devices=*\n", link_policy.NM_FILE: "[keyfile]\nunmanaged-devices=cni0\n"},
            EVERY - {"cni0"},
            id="the main file after the system's",
        ),
        pytest.param(
            {
                f"{NM}/a.conf": "[device-cni]\nmatch-device=interface-name:cali*\nmanaged=0\n",
                f"{NM}/b.conf": "[device-more]\nmatch-device=interface-name:cali0*\nmanaged=true\n\n[device-z]\nmanaged=no\n",
            },
            {"cali0123456789a"},
            id="sections, later files first",
        ),
        pytest.param({f"{NM}/a.conf": "[device]\nwifi.scan-rand-mac-address=no\n"}, EVERY, id="a section about something else"),
        pytest.param({link_policy.NM_UDEV_FILE: 'ENV{ID_NET_DRIVER}=="veth", ENV{NM_UNMANAGED}="1"\n'}, EVERY - VETH, id="udev"),
        pytest.param({link_policy.NM_UDEV_FILE: '#ENV{ID_NET_DRIVER}=="veth", ENV{NM_UNMANAGED}="1"\n'}, EVERY, id="udev, commented out"),
        pytest.param(
            {
                link_policy.NM_UDEV_FILE: 'ENV{ID_NET_DRIVER}=="veth", ENV{NM_UNMANAGED}="1"\n',
                f"{NM}/a.conf": "[device-x]\nmatch-device=type:veth\nmanaged=1\n",
            },
            EVERY,
            id="udev is the weakest",
        ),
        pytest.param({f"{NM}/a.conf.old": "[keyfile]\nunmanaged-devices=*\n"}, EVERY, id="no configuration"),
    ],
)
def test_network_manager(files: dict[str, str], expected: set[str]) -> None:
    assert claimed(NETWORK_MANAGER, files) == expected


def test_who_does_not_run_takes_nothing() -> None:
    assert claimed(NETWORK_MANAGER, {}, active=False) == set()


def test_the_file_that_decides_is_named() -> None:
    manager = LinkManager(NETWORKD, True, (LinkRule("/x.network", ("cali*",)),))
    assert link_policy.claims(manager) == {"cali0123456789a": "/x.network"}


DEFAULTS = {
    NETWORK_MANAGER: {
        link_policy.NM_FILE: "[main]\nplugins=keyfile\n",
        f"{NM}/zz.conf": "[device]\nmanaged=1\nmatch-device=interface-name:eth*\n",
    },
    NETWORKD: {f"{ETC}/10-all.network": "[Match]\nName=*\n"},
    UDEV: {f"{LIB}/99-default.link": "[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=persistent\n"},
}


@pytest.mark.parametrize("ours", link_policy.OURS, ids=lambda ours: ours.manager)
def test_our_files_make_each_manager_leave_every_device_alone(ours: link_policy.PolicyFile) -> None:
    before = DEFAULTS[ours.manager]
    assert claimed(ours.manager, before) == EVERY
    assert claimed(ours.manager, {**before, ours.path: ours.content}) == set()
    assert link_policy.written_by_us(ours.content)
    assert not link_policy.written_by_us(next(iter(before.values())))
