#!/bin/sh
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Runs ansible-test's validate-modules on every module: documentation against argument spec, licence line, versions.
#   tests/sanity/validate_modules.sh [PYTHON]
# Not through ansible-test itself, which first fetches an environment of its own.
set -eu

python=$(command -v "${1:-python3}")
# An absolute path, but not a resolved one: the python of a virtual environment is a link whose place says which packages it has.
case $python in
    /*) ;;
    *) python=$PWD/$python ;;
esac
root=$(cd "$(dirname "$0")/../.." && pwd)
ansible_test=$("$python" -c 'import ansible_test, pathlib; print(pathlib.Path(ansible_test.__file__).parent)')
checker=$ansible_test/_util/controller/sanity/validate-modules
"$python" -c 'import voluptuous, antsibull_docs_parser' || {
    echo "$0: $python lacks what validate-modules imports; install requirements/py311.txt" >&2
    exit 2
}

# The tool wants the collection's folder to be named ansible_collections/podnet/cni, which the link farm gives it.
cd "$root/collections/ansible_collections/podnet/cni"
set -- plugins/modules/[!_]*.py
if [ ! -f "$1" ]; then
    echo "$0: no module in plugins/modules" >&2
    exit 2
fi
ANSIBLE_COLLECTIONS_PATH=$root/collections PYTHONPATH=$checker:$root/collections "$python" "$checker/validate.py" \
    --arg-spec --collection ansible_collections/podnet/cni --collection-version "$(sed -n 's/^version: //p' galaxy.yml)" "$@"
echo "validate-modules: $# modules pass"
