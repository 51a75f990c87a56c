#!/bin/sh
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Builds the collection's tarball into build/artifact, installs it into an empty directory, and uses it there as a stranger would.
#   tests/sanity/artifact.sh [ROLE [ENTRY_POINT [ansible-playbook option ...]]]
# With a role, one of its entry points runs in check mode on this machine, by its full name and from outside the checkout.
# Takes ansible from PATH; kubernetes.core comes with the ansible package there, so nothing is fetched.
set -eu

# Everything a collection may hold. What is not here is for developers, and belongs in galaxy.yml's build_ignore.
wanted='CHANGELOG.md CONTRIBUTING.md FILES.json LICENSE LICENSES MANIFEST.json README.md REUSE.toml changelogs docs inventories meta playbooks plugins roles'

root=$(cd "$(dirname "$0")/../.." && pwd)
build=$root/build/artifact
role=${1:-}
entry_point=${2:-main}
shift $(($# < 2 ? $# : 2))

fail() {
    echo "artifact: $*" >&2
    exit 1
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# The checkout's ansible.cfg and the user's own collections must not answer in the tarball's place.
printf '[defaults]\n' >"$scratch/ansible.cfg"
export ANSIBLE_CONFIG="$scratch/ansible.cfg" ANSIBLE_COLLECTIONS_PATH="$scratch/collections" ANSIBLE_HOME="$scratch/home"

rm -rf "$build"
(cd "$root" && ansible-galaxy collection build --output-path "$build" >"$scratch/build.log") || fail "cannot be built: $(cat "$scratch/build.log")"
tarball=$(ls "$build"/podnet-cni-*.tar.gz)

tar -tzf "$tarball" >"$scratch/files"
for name in $(sed 's|^\./||; s|/.*||' "$scratch/files" | sort -u); do
    case " $wanted " in
        *" $name "*) ;;
        *) fail "$name is for developers only; add it to galaxy.yml's build_ignore" ;;
    esac
done
if grep -E '(^|/)(__pycache__|\.[^/]+)(/|$)|\.(pyc|retry|orig|tar\.gz)$|^inventories/lab(/|$)' "$scratch/files" >"$scratch/strays"; then
    fail "these must not be inside: $(tr '\n' ' ' <"$scratch/strays")"
fi

ansible-galaxy collection install "$tarball" --offline --no-deps --collections-path "$ANSIBLE_COLLECTIONS_PATH" >"$scratch/install.log" ||
    fail "cannot be installed: $(cat "$scratch/install.log")"
cd "$scratch"

modules=$(find "$root/plugins/modules" -name '[!_]*.py' | wc -l)
known=$(ansible-doc --list --type module podnet.cni --json | grep -c '"podnet\.cni\.') || known=0
[ "$known" -eq "$modules" ] || fail "ansible-doc knows $known modules of the installed collection, the checkout has $modules"

# The Python that runs Ansible is the one that surely works: discovery may find a version manager's shim without a version behind it.
cat >inventory.yml <<'INVENTORY'
k8s_cluster:
  hosts:
    localhost:
      ansible_connection: local
      ansible_python_interpreter: "{{ ansible_playbook_python }}"
INVENTORY
playbooks=0
for playbook in collections/ansible_collections/podnet/cni/playbooks/*.yml; do
    name=$(basename "$playbook" .yml)
    # A name with a hyphen is an alias for people in a checkout: Ansible has no full name for it.
    case $name in
        '*' | *-*) continue ;;
    esac
    ansible-playbook --inventory inventory.yml --syntax-check "podnet.cni.$name" >syntax.log 2>&1 || fail "playbook podnet.cni.$name: $(cat syntax.log)"
    playbooks=$((playbooks + 1))
done

if [ -n "$role" ]; then
    cat >play.yml <<PLAY
- name: Use a role of the installed collection
  hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Run $entry_point of podnet.cni.$role
      ansible.builtin.include_role:
        name: podnet.cni.$role
        tasks_from: $entry_point
PLAY
    ansible-playbook --inventory inventory.yml --check "$@" play.yml || fail "podnet.cni.$role ($entry_point) does not run from the installed collection"
fi
echo "artifact: $(basename "$tarball") ($(du -k "$tarball" | cut -f1) kB), $modules modules, $playbooks playbooks${role:+, role $role ($entry_point) ran}"
