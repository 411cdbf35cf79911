#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what tools/dependencies.txt lists and is missing: Debian packages by name; the LibTorch wheel and the
# googleapis protos into ~/.cache/cohort. With --tests also what only tests use, into the same folder; with --developer
# also what lint, format and the oracle test need; with --cuda also the libraries beside LibTorch that a build with
# --config=cuda links (2 GB). Does nothing, in well under a second, when all is there. Needs Debian 12, and root or sudo
# where a package is to be installed.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly LIST=tools/dependencies.txt
readonly CACHE="${HOME}/.cache/cohort"
readonly LIBTORCH="${CACHE}/libtorch-2.11.0"
readonly GOOGLEAPIS="${CACHE}/googleapis-1.76.0"
work=""  # where a download grows

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }
entries() { sed -n "s/^$1 //p" "${LIST}"; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "need root or sudo for: $*"; fi
}

check_system() {
  [ "$(uname -m)" = x86_64 ] || die "only x86-64 is supported (this is $(uname -m))"
  command -v dpkg-query >/dev/null || die "only Debian 12 is supported (there is no dpkg here)"
  local release
  release=$(. /etc/os-release && echo "${ID:-unknown} ${VERSION_ID:-}")
  [ "${release}" = 'debian 12' ] || say "this is ${release}, not debian 12: package names and versions may differ"
}

install_packages() {  # installs the named packages that are missing
  local missing=() name
  local installed
  installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' 2>/dev/null | sed -n 's/^ii *//p')
  for name in "$@"; do
    grep -qxF "${name}" <<<"${installed}" || missing+=("${name}")
  done
  [ ${#missing[@]} -eq 0 ] && return
  command -v apt-get >/dev/null || die "no apt-get here: install by hand: ${missing[*]}"
  local start=${SECONDS}
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  as_root apt-get -o DPkg::Lock::Timeout=300 update -qq || die "apt-get could not read the package lists (no network?)"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends \
    "${missing[@]}" >/dev/null || die "apt-get could not install: ${missing[*]}"
  say "Debian packages installed in $((SECONDS - start)) s"
}

download_package() { (cd "${work}" && apt-get -o APT::Sandbox::User=root download -qq "$1"); }  # needs no root

unpack_package() {  # into the cache: neither in the way of an installed program of the same name, nor found by one
  local name=$1 target="${CACHE}/$1"
  [ -d "${target}" ] && return
  mkdir -p "${CACHE}"
  work=$(mktemp -d "${CACHE}/setup.XXXXXX")
  trap 'rm -rf "${work}"' EXIT
  say "unpacking the Debian package ${name} into ${target}"
  if ! download_package "${name}" 2>/dev/null; then  # the package lists are old, or there are none
    as_root apt-get -o DPkg::Lock::Timeout=300 update -qq || die "apt-get could not read the package lists (no network?)"
    download_package "${name}" || die "could not download the Debian package ${name}"
  fi
  dpkg-deb -x "${work}/${name}"_*.deb "${work}/tree" || die "could not unpack the Debian package ${name}"
  mv -T "${work}/tree" "${target}" 2>/dev/null || [ -d "${target}" ]
  rm -rf "${work}"
}

install_wheels() {  # install_wheels KIND TARGET: hash-checked, without dependencies, moved into place when complete
  local kind=$1 target=$2 start=${SECONDS}
  [ -d "${target}" ] && return
  python3 -m pip --version >/dev/null 2>&1 || install_packages $(entries apt-if-no-pip)
  mkdir -p "${CACHE}"
  work=$(mktemp -d "${CACHE}/setup.XXXXXX")
  trap 'rm -rf "${work}"' EXIT  # also when interrupted or out of disk
  entries "${kind}" | sed 's/ sha256:/ --hash=sha256:/' >"${work}/requirements.txt"
  say "downloading $(entries "${kind}" | cut -d' ' -f1 | xargs) to ${target}"
  # The wheels of CPython 3.11, Debian's, whatever python3 is: tests run /usr/bin/python3, the rest is C++ libraries.
  PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --no-compile --no-deps --no-cache-dir --require-hashes --only-binary=:all: \
    --implementation cp --python-version 3.11 --platform any \
    $(printf -- '--platform manylinux%s_x86_64 ' _2_28 _2_27 _2_25 _2_18 _2_17 2014 2010 1) \
    --target "${work}/site" -r "${work}/requirements.txt" \
    || die "could not get the wheels of '${kind}' in ${LIST}: no download, no disk space in ${CACHE}, or another checksum"
  mv -T "${work}/site" "${target}" 2>/dev/null || [ -d "${target}" ]  # a setup at the same time was first
  rm -rf "${work}"
  say "done in $((SECONDS - start)) s"
}

install_cuda_wheels() {  # beside LibTorch, where its libraries look for them
  local site="${CACHE}/cuda-wheels-$(entries cuda-wheel | sha256sum | cut -c1-12)"
  [ -e "${LIBTORCH}/nvidia/${site##*/}" ] && return
  install_wheels cuda-wheel "${site}"
  cp -rlf "${site}/." "${LIBTORCH}/" || die "could not link ${site} into ${LIBTORCH}"
  touch "${LIBTORCH}/nvidia/${site##*/}"  # last: all are there
  if command -v bazel >/dev/null; then bazel shutdown; fi  # a running server has seen that they are not
}

check_system
mode=${1:-}
case "${mode}" in
  '' | --tests | --developer | --cuda) ;;
  *) die "unknown flag ${mode}: --tests, --developer or --cuda" ;;
esac
mapfile -t packages < <(entries apt; [ "${mode}" != --developer ] || entries apt-developer)
install_packages "${packages[@]}"
[ -n "${COHORT_SITE_PACKAGES:-}" ] || install_wheels wheel "${LIBTORCH}"
if [ "${mode}" = --cuda ]; then
  if [ -z "${COHORT_SITE_PACKAGES:-}" ]; then install_cuda_wheels
  elif [ ! -d "${COHORT_SITE_PACKAGES}/nvidia/nccl/lib" ]; then
    die "COHORT_SITE_PACKAGES (${COHORT_SITE_PACKAGES}) has no nvidia-* wheels beside torch: install them there, or unset it"
  fi
fi
[ -n "${COHORT_GOOGLEAPIS:-}" ] || install_wheels protos "${GOOGLEAPIS}"
if [ "${mode}" = --tests ]; then
  # bazel/test_tools.bzl makes the same name from the same lines: a list that changes gets a folder of its own.
  install_wheels test-wheel "${CACHE}/test-wheels-$(entries test-wheel | sha256sum | cut -c1-12)"
  for name in $(entries apt-unpacked); do unpack_package "${name}"; done
fi
