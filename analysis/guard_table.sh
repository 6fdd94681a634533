#!/usr/bin/env bash
# Agreement and saving of apparate under each guard, and the saving of static-hindsight (the best constant ramps and
# thresholds under the same budgets, chosen with the stream known), on every recording of a folder of .npy recordings
# with its model's H200 profile, batch 1, ramps of 300 ns (forked) and 4 us (in line). Prints a Markdown table.
#
# --check also holds the guard `bank` to its bars, named on stderr where one is missed (status 1):
#   agreement of at least 99.0 % over the run, at least 0.9 times the saving of `conformal`, and on the vehicle and imdb
#   streams of classifiers at least 0.85 times the saving of static-hindsight (gpt12's is shown)
# Exit 1 when the folder has no stream to show, 77 when there is no folder.
# Usage: analysis/guard_table.sh [--check] [--ramps "300ns 4us"] [FOLDER] [OFFRAMP]
set -euo pipefail
export LC_ALL=C # awk reads and writes numbers with a point
shopt -s inherit_errexit
cd "$(dirname "$0")/.."
check='' ramps="300ns 4us"
while [[ ${1:-} = --* ]]; do
    case $1 in
        --check) check=1 ;;
        --ramps) ramps=$2; shift ;;
        *) echo "guard_table.sh: found $1, expected --check or --ramps" >&2; exit 2 ;;
    esac
    shift
done
folder=${1:-../shared/recordings}
offramp=${2:-build/release/offramp}
[ -d "$folder" ] || { echo "SKIPPED: no recordings in $folder" >&2; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
missed=0 rows=0

# run EXITS: agreement, mean saving and worst 1,000, as printed.
run() {
    printf 'requests: %s\nmodel: {profile: %s, recording: %s, ramp: %s}\n' "$samples" \
        "$PWD/workloads/data/$profile.oprof" "$work/r.orec" "$ramp" >"$work/s.yaml"
    printf 'arrivals: {process: poisson, rate: 100/s}\nbatching: {policy: fifo, max_batch: 16}\n' >>"$work/s.yaml"
    printf 'exits: {%s}\n' "$1" >>"$work/s.yaml"
    "$offramp" sim "$work/s.yaml" --vanilla >"$work/out"
    awk '/^answers/ { a = $2; w = $0; sub(/.*worst 1,000: /, "", w); sub(/ %.*/, "", w) }
         /^saving/ { print a, $3, w }' "$work/out"
}

# hold WHAT VALUE LEAST: counts and names a bar that is missed.
hold() {
    awk -v value="$2" -v least="$3" 'BEGIN { exit !(value >= least) }' && return
    echo "guard_table.sh: $name, ramps of $ramp: $1 is $2, expected at least $3" >&2
    missed=$((missed + 1))
}

echo "| stream | ramp | none | conformal | bank | static-hindsight | bank / static-hindsight |"
echo "|---|---|---|---|---|---|---|"
for source in "$folder"/*/; do
    name=$(basename "$source")
    case $name in
        resnet50*) profile=h200-resnet50 ;;
        resnet18*) profile=h200-resnet18 ;;
        vgg11*) profile=h200-vgg11 ;;
        bert12* | gpt12*) profile=h200-bert-base ;; # gpt12: twelve layers as well, there is no profile of its own
        *) continue ;;
    esac
    "$offramp" recording import "$source" -o "$work/r.orec" 2>/dev/null
    samples=$("$offramp" recording info "$work/r.orec" --json | grep -m1 '"samples"' | tr -dc 0-9)
    for ramp in $ramps; do
        row="| $name | $ramp |"
        for guard in none conformal bank; do
            figures=$(run "policy: apparate, guard: $guard")
            read -r agreement saving worst <<<"$figures"
            row="$row $agreement / $saving / $worst |"
            [ $guard = conformal ] && conformal=$saving
        done
        figures=$(run "policy: static-hindsight")
        read -r _ best _ <<<"$figures"
        ratio=$(awk -v bank="$saving" -v best="$best" 'BEGIN { if (best > 0) printf "%.2f", bank / best; else print "-" }')
        echo "$row $best | $ratio |"
        rows=$((rows + 1))
        [ "$check" ] || continue
        hold "the agreement of bank, %," "$agreement" 99.0
        least=$(awk -v saving="$conformal" 'BEGIN { print 0.9 * saving }')
        hold "the saving of bank, %," "$saving" "$least"
        [[ $name != *vehicle* && $name != bert12-imdb* ]] || hold "bank / static-hindsight" "$ratio" 0.85
    done
done
[ $rows -gt 0 ] || { echo "guard_table.sh: found no stream in $folder, expected folders of recordings" >&2; exit 1; }
[ $missed -eq 0 ]
