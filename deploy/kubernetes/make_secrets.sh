#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes what the manifests refer to by name: an authority, a certificate for each role, and tokens, as files in a folder
# and as Secrets in <folder>/secrets.yaml. What is there and valid stays: run it again, after deleting a
# certificate, to renew it.
#   make_secrets.sh FOLDER [NAMESPACE]     then: kubectl apply -n NAMESPACE -f FOLDER/secrets.yaml
set -eu
[ $# -ge 1 ] && [ $# -le 2 ] || { echo 'usage: make_secrets.sh FOLDER [NAMESPACE]' >&2; exit 2; }
namespace=${2:-cohort}
umask 077
mkdir -p "$1"
cd "$1"

key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

if [ ! -e ca.crt ]; then
  key ca.key
  openssl req -x509 -new -key ca.key -days 3650 -subj "/CN=cohort authority" \
    -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign,cRLSign' -out ca.crt
fi

certificate() {  # certificate ROLE SUBJECT_ALTERNATIVE_NAMES: a year
  # One that this authority did not sign, or that has expired, is no use.
  if [ -e "$1.crt" ] && openssl verify -CAfile ca.crt "$1.crt" >/dev/null 2>&1; then return 0; fi
  key "$1.key"
  printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\n' "$2" >extensions
  openssl req -new -key "$1.key" -subj "/CN=cohort $1" \
    | openssl x509 -req -CA ca.crt -CAkey ca.key -set_serial "0x$(openssl rand -hex 16)" -days 365 -extfile extensions \
      -out "$1.crt" 2>/dev/null
  rm extensions
}
service=cohort-coordinator
certificate coordinator "DNS:$service,DNS:$service.$namespace,DNS:$service.$namespace.svc,\
DNS:$service.$namespace.svc.cluster.local,DNS:localhost,IP:127.0.0.1"
certificate learner "DNS:*.cohort-learner.$namespace.svc.cluster.local"
certificate rollout-worker DNS:cohort-rollout-worker
certificate client DNS:cohort-client

token() { [ -e "$1.token" ] || openssl rand -hex 32 >"$1.token"; }
for role in admin worker client; do token $role; done
{ echo "$(cat admin.token) admin"; echo "$(cat client.token) submitter *"; echo "$(cat worker.token) worker"; } >tokens
echo "$(cat worker.token) worker" >learner-tokens

secret() {  # secret NAME TYPE KEY=FILE...
  printf -- '---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\n  labels:\n    app.kubernetes.io/name: cohort\n' "$1"
  printf 'type: %s\ndata:\n' "$2"
  shift 2
  for entry in "$@"; do printf '  %s: %s\n' "${entry%%=*}" "$(base64 <"${entry#*=}" | tr -d '\n')"; done
}
{
  for role in coordinator learner rollout-worker client; do
    secret "cohort-$role-tls" kubernetes.io/tls "tls.crt=$role.crt" "tls.key=$role.key" ca.crt=ca.crt
  done
  secret cohort-coordinator-tokens Opaque tokens=tokens
  secret cohort-learner-tokens Opaque tokens=learner-tokens token=worker.token
  secret cohort-rollout-worker-tokens Opaque token=worker.token
  secret cohort-client-tokens Opaque token=client.token
} >secrets.yaml
echo "make_secrets.sh: kubectl apply -n $namespace -f $1/secrets.yaml; keep $1 safe: it holds the authority's key" >&2
