#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Collects what programs need at run time, and nothing else, into a folder that can be the root of a container: the
# programs, exactly the shared libraries that they load, at the paths where the loader looks for them, CA certificates, an
# unprivileged user, and the licences of all of it. The images of this folder are such trees; runtime_tree_test starts the
# programs with nothing but their tree in sight.
#
#   runtime_tree.sh OUTPUT PROGRAM...    OUTPUT must not exist. Debian 12, where the programs were built.
set -euo pipefail
umask 022

readonly USER_ID=65532
readonly HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
readonly SYSTEM_FOLDER=/usr/lib/x86_64-linux-gnu
# Of the GPU's driver: the container runtime brings those of the host.
readonly OF_THE_DRIVER='libcuda.so.1|libnvidia-ml.so.1'
# Header-only libraries that are compiled in.
readonly COMPILED_IN="libcli11-dev nlohmann-json3-dev"

say() { printf 'runtime_tree: %s\n' "$*"; }
die() { printf 'runtime_tree: %s\n' "$*" >&2; exit 1; }

# Libraries that LIBRARY opens by name while it runs, which ldd does not see.
opened_by() {
  case "$(basename "$1")" in
    libcudnn.so.9) ls "$(dirname "$1")"/libcudnn_*.so.9 ;;
    libtorch_cuda.so) ls "$(dirname "$1")"/libcaffe2_nvrtc.so ;;
    libnvrtc.so.13) ls "$(dirname "$1")"/libnvrtc-builtins.so.13.* ;;
  esac
}

# Paths of the libraries that FILE loads when it starts, the loader included.
loaded_by() {
  local lines missing
  lines=$(ldd "$1") || die "not a dynamic program or library ($1)"
  missing=$(sed -n 's/^\s*\(\S*\) => not found$/\1/p' <<<"${lines}" | grep -vE "^(${OF_THE_DRIVER})$" || true)
  [ -z "${missing}" ] || die "$1: libraries that are not here: $(xargs <<<"${missing}")"
  sed -nE 's/^\s*(\S+ => )?(\/\S+) \(0x[0-9a-f]+\)$/\2/p' <<<"${lines}" | grep -vE "/(${OF_THE_DRIVER})$" |
    xargs -r realpath --no-symlinks
}

declare -A libraries=()
collect() {  # collect FILE: its libraries, theirs, and what these open
  local path opened
  for path in $(loaded_by "$1"); do
    [ -z "${libraries[${path}]:-}" ] || continue
    libraries[${path}]=1
    for opened in $(opened_by "${path}"); do
      libraries[${opened}]=1
      collect "${opened}"
    done
  done
}

# The path as Debian's merged /usr has it: /lib and /lib64 are links into /usr.
merged() { case "$1" in /lib/* | /lib64/*) printf '/usr%s\n' "$1" ;; *) printf '%s\n' "$1" ;; esac; }

put() {  # put FILE PATH [MODE]: a copy of the file itself, whatever links lead to it
  mkdir -p "${output}/$(dirname "$2")"
  cp --dereference --reflink=auto "$1" "${output}/$2"
  chmod "${3:-0644}" "${output}/$2"
}

make_skeleton() {
  mkdir -p "${output}"/{dev,etc,proc,sys,tmp,usr/bin,usr/lib,usr/lib64,var/lib}
  chmod 1777 "${output}/tmp"
  ln -s usr/lib "${output}/lib"
  ln -s usr/lib64 "${output}/lib64"
  printf 'root:x:0:0:root:/:/sbin/nologin\ncohort:x:%d:%d:cohort:/var/lib/cohort:/sbin/nologin\n' \
    "${USER_ID}" "${USER_ID}" >"${output}/etc/passwd"
  printf 'root:x:0:\ncohort:x:%d:\n' "${USER_ID}" >"${output}/etc/group"
  printf 'hosts: files dns\n' >"${output}/etc/nsswitch.conf"
  put /etc/os-release etc/os-release
  put /etc/debian_version etc/debian_version  # tells NVIDIA's container runtime where libraries belong
  [ -f /etc/ssl/certs/ca-certificates.crt ] || die "no CA certificates here: install ca-certificates"
  put /etc/ssl/certs/ca-certificates.crt etc/ssl/certs/ca-certificates.crt
}

# The Debian package's licence, and its entry where scanners of images look for it.
put_package() {
  [ ! -e "${output}/usr/share/doc/$1" ] || return 0
  put "/usr/share/doc/$1/copyright" "usr/share/doc/$1/copyright"
  mkdir -p "${output}/var/lib/dpkg/status.d"
  dpkg-query --status "$1" >"${output}/var/lib/dpkg/status.d/$1"
}

# The licence files of the Python wheel that brought a library.
put_wheel() {
  local path=$1 site record text
  site=$(sed -E 's,/(torch|nvidia)/.*,,' <<<"${path}")
  record=$(grep -lF "${path#"${site}"/}," "${site}"/*.dist-info/RECORD) || die "${path}: of no package and of no wheel"
  while IFS= read -r text; do
    put "${text}" "usr/share/doc/$(basename "$(dirname "${record}")" .dist-info)/$(basename "${text}")"
  done < <(find "$(dirname "${record}")" -type f \( -iname '*licen[cs]e*' -o -iname 'notice*' \))
}

put_licences() {
  local path package
  declare -A owner=()
  while IFS=': ' read -r package _ path; do
    owner[$(merged "${path}")]=${package}
  done < <(dpkg-query --search "${!libraries[@]}" $(for path in "${!libraries[@]}"; do merged "${path}"; done) 2>/dev/null)
  for path in "${!libraries[@]}"; do
    if [ -n "${owner[$(merged "${path}")]:-}" ]; then put_package "${owner[$(merged "${path}")]}"
    else put_wheel "${path}"; fi
  done
  for package in ${COMPILED_IN}; do
    put "/usr/share/doc/${package}/copyright" "usr/share/doc/${package}/copyright"
  done
  put_package ca-certificates
  # Texts that Debian's copyright files name instead of holding them.
  for path in $(grep -rhoE '/usr/share/common-licenses/[A-Za-z0-9.-]*[A-Za-z0-9]' "${output}/usr/share/doc" | sort -u); do
    [ ! -f "${path}" ] || put "${path}" "${path}"
  done
  put "${HERE}/../../LICENSE" usr/share/doc/cohort/LICENSE
}

[ $# -ge 2 ] || die "usage: runtime_tree.sh OUTPUT PROGRAM..."
readonly output=$1
shift
[ ! -e "${output}" ] || die "exists already (${output})"

for program in "$@"; do collect "${program}"; done
make_skeleton
for program in "$@"; do put "${program}" "usr/bin/$(basename "${program}")" 0755; done
for library in "${!libraries[@]}"; do put "${library}" "$(merged "${library}")" 0755; done
put_licences
say "${output}: $(for program in "$@"; do basename "${program}"; done | xargs), ${#libraries[@]} libraries," \
  "$(du --summarize --apparent-size --block-size=MB "${output}" | cut -f1)"
