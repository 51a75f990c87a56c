#!/bin/sh
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Pins an environment: installs requirements/ENV.in with the newest versions that fit, and writes what was installed to requirements/ENV.txt.
#   requirements/pin.sh ENV PYTHON [VENV]      for example: requirements/pin.sh py311 python3.11
# VENV keeps the virtual environment for a look afterwards; without it a temporary one is used.
set -eu

if [ $# -lt 2 ]; then
    echo "usage: $0 ENV PYTHON [VENV], for example: $0 py311 python3.11" >&2
    exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
name=$1
python=$2
source=$here/$name.in
target=$here/$name.txt
if [ ! -f "$source" ]; then
    echo "$0: $source is missing; known: $(cd "$here" && ls py*.in | tr '\n' ' ')" >&2
    exit 2
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
venv=${3:-$scratch/venv}

"$python" -m venv "$venv"
"$venv/bin/pip" install --quiet --upgrade --requirement "$source"
{
    head -n 2 "$source" # the licence
    echo "#"
    echo "# Made by: requirements/pin.sh $name $(basename "$python")"
    "$venv/bin/pip" freeze
} >"$scratch/pinned"
# A package installed from a file or an address would tie the list to one machine.
if grep -nE ' @ |://|^-' "$scratch/pinned"; then
    echo "$0: the lines above are not plain pins; $target is left as it was" >&2
    exit 1
fi
cp "$scratch/pinned" "$target"
echo "$target: $(grep -c == "$target") packages pinned"
