#!/usr/bin/env bash
# Starts sluiced on ./data with a live demo beside it, until Ctrl-C; the next run goes on with what is there. The credentials of the
# first start are kept in data/root.env (mode 0600), for the next run, and in the profile make-run of the sluice command, so that
# what the demo shows can be pasted into any shell.
#
# SLUICE_LISTEN [127.0.0.1:8080], SLUICE_BASE_DOMAIN [sluice.localhost] and SLUICE_ASSISTANT_LISTEN [127.0.0.1:8443], where agents connect, may be set.
set -euo pipefail
set -m # children in process groups of their own: Ctrl-C reaches this script alone, and it stops them in order
cd "$(dirname "$0")/.."

data=data
listen=${SLUICE_LISTEN:-127.0.0.1:8080}
domain=${SLUICE_BASE_DOMAIN:-sluice.localhost}
agents=${SLUICE_ASSISTANT_LISTEN:-127.0.0.1:8443}
env=$data/root.env

random() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

if [[ -e $env ]]; then
	first=false
	# shellcheck source=/dev/null
	source "$env"
elif [[ -e $data ]]; then
	echo "$data exists, and $env does not: another start made it. Start bin/sluiced yourself, or move $data away." >&2
	exit 1
else
	first=true
	SLUICE_ACCESS_KEY_ID=root-$(random 6)
	SLUICE_ACCESS_KEY_SECRET=$(random 20)
fi
export SLUICE_ENDPOINT=http://$listen SLUICE_ACCESS_KEY_ID SLUICE_ACCESS_KEY_SECRET
(
	umask 077
	mkdir -p "$data"
	for name in SLUICE_ENDPOINT SLUICE_ACCESS_KEY_ID SLUICE_ACCESS_KEY_SECRET; do
		echo "export $name=${!name}"
	done >"$env"
)

stop() {
	trap - EXIT
	trap '' HUP INT PIPE TERM # nothing keeps it from ending what it started
	for pid in "${demo:-}" "${server:-}"; do
		[[ -z $pid ]] || { kill "$pid" 2>/dev/null && wait "$pid" || true; }
	done
}
trap stop EXIT
trap 'exit 0' HUP INT PIPE TERM

SLUICE_ROOT_ACCESS_KEY_ID=$SLUICE_ACCESS_KEY_ID SLUICE_ROOT_ACCESS_KEY_SECRET=$SLUICE_ACCESS_KEY_SECRET \
	bin/sluiced --data-dir "$data" --listen "$listen" --base-domain "$domain" --assistant-listen "$agents" >"$data/sluiced.log" 2>&1 &
server=$!
until bin/sluice status >/dev/null 2>&1; do
	kill -0 "$server" 2>/dev/null || {
		tail "$data/sluiced.log" >&2
		exit 1
	}
	sleep 0.1
done

echo "sluiced is ready; its log is in $data/sluiced.log"
echo
echo "  agents             $agents; sluice instance activate makes what sluice-agent enroll takes"
echo "  endpoint           http://$listen, and http://PROJECT.$domain:${listen##*:} for SDKs"
if $first; then
	echo "  access key id      $SLUICE_ACCESS_KEY_ID"
	echo "  access key secret  $SLUICE_ACCESS_KEY_SECRET"
else
	echo "  access key id      $SLUICE_ACCESS_KEY_ID (the secret is in $env)"
fi
echo
bin/sluice demo --save-profile make-run &
demo=$!
wait -n "$server" "$demo"
