# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module network_policy_probe in Ansible's worker where that is the same."""

from __future__ import annotations

from ansible_collections.podnet.cni.plugins.plugin_utils._control_machine import ControlMachineAction, spec_of


class ActionModule(ControlMachineAction):
    spec = spec_of("network_policy_probe")
