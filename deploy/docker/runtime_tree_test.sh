#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the tree of each image and holds it against what it may contain; then starts the four programs, each with nothing
# but its own tree in sight, and trains a model with them.
#
#   runtime_tree_test.sh COORDINATOR ROLLOUT_WORKER LEARNER COHORTCTL
set -uo pipefail
umask 022

if [ "${COHORT_SKIP_NAMESPACE_TESTS:-}" = 1 ]; then
  echo "SKIPPED: COHORT_SKIP_NAMESPACE_TESTS=1"
  exit 0
fi

readonly here=deploy/docker
readonly work=$(mktemp -d "${TEST_TMPDIR:-/tmp}/trees.XXXXXX")
readonly state=${work}/state
services=()
trap 'kill -KILL "${services[@]}" 2>/dev/null; wait; rm -rf "${work}"' EXIT

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  tail -n 20 "${work}"/*.log >&2
  exit 1
}
in_tree() { "${here}/in_tree.sh" "${work}/$1" "${state}" "${@:2}"; }  # in_tree NAME PROGRAM...
# The program of a service, which is the only child of the process that made its namespaces.
program_of() { cat "/proc/$1/task/$1/children"; }

start_service() {  # start_service LOG NAME ARGUMENT...: in the background
  "${here}/in_tree.sh" "${work}/$2" "${state}" "/usr/bin/$2" "${@:3}" >"${work}/$1.log" 2>&1 &
  services+=($!)
}

await() {  # await WHAT COMMAND...: until it succeeds
  local what=$1 deadline=$((SECONDS + 60))
  shift
  until "$@"; do
    [ "${SECONDS}" -lt "${deadline}" ] || fail "${what}: not within a minute"
    read -rt 0.05 <> <(:) || :  # a pause
  done
}

# A file of the tree is of one of these kinds; anything else was not meant to be there.
readonly ALLOWED='^(etc/(passwd|group|nsswitch\.conf|os-release|debian_version|ssl/certs/ca-certificates\.crt)'\
'|usr/share/(doc/[^/]+|common-licenses)/[^/]+|var/lib/dpkg/status\.d/[^/]+|.*/lib[^/]+\.so[.0-9]*|lib|lib64'\
'|usr/lib64/ld-linux-x86-64\.so\.2)$'

check_content() {  # check_content NAME PROGRAM...: of the tree NAME, which has these programs
  local name=$1 tree=${work}/$1 program surplus needed present
  shift
  surplus=$(cd "${tree}" && find . ! -type d -printf '%P\n' | grep -vE "${ALLOWED}" | grep -vxF "$(printf 'usr/bin/%s\n' "$@")")
  [ -z "${surplus}" ] || fail "${name}: not needed: ${surplus}"
  [ -z "$(find "${tree}" -perm /6000 -o ! -type l -perm /0022 ! -path "${tree}/tmp")" ] || fail "${name}: set-uid or writable"
  # Exactly the libraries that the loader takes, looked up inside of the tree.
  needed=$(for program in "$@"; do in_tree "${name}" /lib64/ld-linux-x86-64.so.2 --list "/usr/bin/${program}"; done |
    sed -nE 's/^\s*(\S+ => )?(\/\S+) \(.*/\2/p' | xargs -n 1 basename | sort -u)
  present=$(find "${tree}" -name '*.so*' -printf '%f\n' | sort)
  [ "${needed}" = "${present}" ] || fail "${name}: libraries: $(diff <(echo "${needed}") <(echo "${present}"))"
  case "${name}" in
    cohort-coordinator | cohortctl)
      [ -z "$(find "${tree}" -iname '*torch*' -o -iname '*nvidia*' -o -iname 'libgomp*')" ] || fail "${name}: has LibTorch" ;;
    *) [ -n "$(find "${tree}" -name libtorch_cpu.so)" ] || fail "${name}: has no LibTorch" ;;
  esac
  [ -s "${tree}/usr/share/doc/cohort/LICENSE" ] || fail "${name}: has no licence"
}

check_version() {  # check_version NAME
  local arguments=--version
  [ "$1" != cohortctl ] || arguments=version
  # All is read: to whoever writes more than `grep -q` wants the pipe is broken.
  in_tree "$1" "/usr/bin/$1" "${arguments}" 2>&1 | grep -E '[0-9]+\.[0-9]+' >/dev/null || fail "$1: says no version"
}

mkdir -p "${state}/.shm" "${state}/data"
chmod 1777 "${state}" "${state}/.shm"
[ $# -eq 4 ] || fail "usage: runtime_tree_test.sh COORDINATOR ROLLOUT_WORKER LEARNER COHORTCTL"
for program in "$@"; do
  name=$(basename "${program}")
  "${here}/runtime_tree.sh" "${work}/${name}" "${program}" || fail "${name}: no tree"
  check_content "${name}" "${name}"
  check_version "${name}"
done
"${here}/runtime_tree.sh" "${work}/cohort-cpu" "$@" || fail "cohort-cpu: no tree"
check_content cohort-cpu cohort-coordinator cohort-rollout-worker cohort-learner cohortctl
rm -r "${work}/cohort-cpu"

# The example: the shipped model's shape and tokenizer, random weights, sums of two digits.
cp -rL examples/arithmetic/model "${state}/template"
for a in 1 2 3 4; do
  for b in 1 2 3 4; do printf '{"prompt": "%d+%d=", "answer": %d}\n' "${a}" "${b}" $((a + b)); done
done >"${state}/data/problems.jsonl"
cat >"${state}/tiny.yaml" <<'YAML'
model: {path: model}
rlvr:
  data:
    jsonl: {path: data/problems.jsonl}
    fields: {prompt: prompt, answer: answer}
  reward:
    verifiers:
      - math_answer: {answer_marker: ">"}
  rollout:
    group_size: 4
    groups_per_step: 4
    sampling: {temperature: 1, max_completion_tokens: 8}
optimizer: {learning_rate: 1.0e-3}
training: {num_steps: 3, world_size: 1, seed: 1}
YAML
in_tree cohortctl /usr/bin/cohortctl model init --template template --output model --seed 1 >"${work}/init.log" 2>&1 ||
  fail "no model"

start_service coordinator cohort-coordinator --listen 127.0.0.1:0 --http_listen 127.0.0.1:0 --address_file addresses
await "the coordinator's addresses" test -s "${state}/addresses"
grpc=$(sed -nE 's/.*grpc=(\S+).*/\1/p' "${state}/addresses")
http=$(sed -nE 's/.*http=(\S+).*/\1/p' "${state}/addresses")
start_service worker cohort-rollout-worker --coordinator "${grpc}" --worker_id worker-0
start_service learner cohort-learner --coordinator "${grpc}" --learner_id learner-0

exec 3<>"/dev/tcp/${http%:*}/${http##*:}" || fail "nobody at ${http}"
printf 'GET /healthz HTTP/1.0\r\n\r\n' >&3
head -n 1 <&3 | grep ' 200 ' >/dev/null || fail "/healthz is not OK"
exec 3>&-

in_tree cohortctl /usr/bin/cohortctl --server "${grpc}" submit -f tiny.yaml --watch >"${work}/submit.log" 2>&1 ||
  fail "the job did not succeed"
[ -n "$(find "${state}/runs" -name model.safetensors)" ] || fail "no checkpoint"
[ "$(find "${state}/runs" -name model.safetensors -printf '%U\n' | sort -u)" = "$([ "$(id -u)" -ne 0 ] && id -u || echo 65532)" ] ||
  fail "not run by user 65532"

# What `docker stop` does: SIGTERM to the program, which is process 1 of its namespace.
for service in "${services[@]}"; do
  kill -TERM $(program_of "${service}") || fail "a service has ended by itself"
  wait "${service}" || fail "a service did not end in order ($?)"
done
services=()
echo "trained, in trees of $(cd "${work}" && du --summarize --block-size=MB cohort* | awk '{ print $2 " " $1 }' | paste -sd,)"
