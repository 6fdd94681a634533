#!/usr/bin/env bash
# Agreement and saving of apparate under each guard, on every recording of a folder of .npy recordings (argument 1,
# default ../shared/recordings) with its model's H200 profile, batch 1, ramps of 300 ns (forked) and 4 us (in line).
# Prints a Markdown table. Usage: analysis/guard_table.sh [FOLDER] [OFFRAMP]
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-../shared/recordings}
offramp=${2:-build/release/offramp}
[ -d "$folder" ] || { echo "SKIPPED: no recordings in $folder" >&2; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "| stream | ramp | none | conformal | bank |"
echo "|---|---|---|---|---|"
for source in "$folder"/*/; do
    name=$(basename "$source")
    case $name in
        resnet50*) profile=h200-resnet50 ;;
        resnet18*) profile=h200-resnet18 ;;
        vgg11*) profile=h200-vgg11 ;;
        bert12*) profile=h200-bert-base ;;
        *) continue ;;
    esac
    "$offramp" recording import "$source" -o "$work/r.orec" 2>/dev/null
    samples=$("$offramp" recording info "$work/r.orec" --json | grep -m1 '"samples"' | tr -dc 0-9)
    for ramp in 300ns 4us; do
        row="| $name | $ramp |"
        for guard in none conformal bank; do
            printf 'requests: %s\nmodel: {profile: %s, recording: %s, ramp: %s}\n' "$samples" \
                "$PWD/workloads/data/$profile.oprof" "$work/r.orec" "$ramp" >"$work/s.yaml"
            printf 'arrivals: {process: poisson, rate: 100/s}\nbatching: {policy: fifo, max_batch: 16}\n' >>"$work/s.yaml"
            printf 'exits: {policy: apparate, guard: %s}\n' "$guard" >>"$work/s.yaml"
            "$offramp" sim "$work/s.yaml" --vanilla >"$work/out"
            row="$row $(awk '/^answers/ { a = $2; w = $0; sub(/.*worst 1,000: /, "", w); sub(/ %.*/, "", w) }
                             /^saving/ { printf "%s / %s / %s |", a, $3, w }' "$work/out")"
        done
        echo "$row"
    done
done
