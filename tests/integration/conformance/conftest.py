# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""These tests use a running cluster with a CNI that enforces policies, and leave it as it was; not so those of ``lab``, which end it."""
