#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs a program as a container engine would run it from its image, without an engine: nothing is in sight but the tree,
# which is read-only, an empty /tmp, /proc, the devices null, zero and urandom, and STATE as /var/lib/cohort with STATE/.shm
# as /dev/shm. The network is that of the caller. As user 65532 where the caller is root, otherwise in a user namespace. It
# ends with everything that it started.
#
#   in_tree.sh TREE STATE /usr/bin/PROGRAM [ARGUMENT...]
set -euo pipefail

if [ "$1" != --in-namespaces ]; then
  mapping=()
  [ "$(id -u)" -eq 0 ] || mapping=(--map-root-user)
  unshare "${mapping[@]}" --mount --pid --fork true 2>/dev/null ||
    { echo "in_tree.sh: needs root with CAP_SYS_ADMIN, or user namespaces" >&2; exit 125; }
  exec unshare "${mapping[@]}" --mount --pid --fork --kill-child "$0" --in-namespaces "$@"
fi

tree=$2
state=$3
shift 3
user=()
[ "$(awk '{ print $3 }' /proc/self/uid_map)" = 1 ] || user=(--setgid 65532 --setuid 65532)
mkdir -p "${tree}/var/lib/cohort"  # a mount point, which engines make themselves
mount --bind "${tree}" "${tree}"
mount --types tmpfs tmpfs "${tree}/tmp"
mount --types tmpfs tmpfs "${tree}/dev"
mkdir "${tree}/dev/shm"
for device in null zero urandom; do
  touch "${tree}/dev/${device}"
  mount --bind "/dev/${device}" "${tree}/dev/${device}"
done
mount --bind "${state}/.shm" "${tree}/dev/shm"
mount --types proc proc "${tree}/proc"
mount --bind "${state}" "${tree}/var/lib/cohort"
mount --options remount,bind,ro "${tree}"
exec env --ignore-environment HOME=/var/lib/cohort /usr/bin/unshare "${user[@]}" --root "${tree}" --wd /var/lib/cohort "$@"
