#!/bin/sh
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Makes sure that PYTHON can make a virtual environment; Debian keeps that part in a package of its own.
#   tests/support/need_python.sh PYTHON
set -eu
python=$1

if ! command -v "$python" >/dev/null; then
    echo "setup: $python is not here: install Python 3.11, or name another with make PYTHON=..." >&2
    exit 1
fi
if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "setup: $python cannot make virtual environments: install its venv package (Debian: python3-venv)" >&2
    exit 1
fi
echo "setup: installing python3-venv"
apt-get update -q >/dev/null
DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends python3-venv >/dev/null
