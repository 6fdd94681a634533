#!/usr/bin/env bash
# The README's picture: latencies of the demo under four policies, as `offramp report --figures` draws them.
#
#   analysis/picture.sh PROGRAM OUT.svg
set -euo pipefail
[ $# -eq 2 ] || { echo "usage: analysis/picture.sh PROGRAM OUT.svg" >&2; exit 2; }
program=$(realpath "$1")
out=$(realpath "$2")
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
logs=()
for policy in vanilla static apparate oracle; do
    case $policy in
        static) exits=() ;; # the demo's own
        *) exits=(--set "exits=$policy") ;;
    esac
    "$program" sim workloads/scenarios/demo.yaml "${exits[@]}" --log "$work/$policy.olog" >/dev/null
    logs+=("$work/$policy.olog")
done
"$program" report "${logs[@]}" --figures "$work"
cp "$work/latency-cdf.svg" "$out"
