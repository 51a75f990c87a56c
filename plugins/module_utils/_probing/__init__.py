# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What NetworkPolicies really do, measured: which pods to measure with, what they ask each other, and what their answers mean.

Pure: no I/O, no clock, no Ansible. `_kube.policy_probe` makes the pods and runs the programs. Private: may change at any time.
"""
