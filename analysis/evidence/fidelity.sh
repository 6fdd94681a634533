#!/usr/bin/env bash
# Holds the simulator against the replays kept beside this script. `make fidelity` prints the table.
# Usage: fidelity.sh [--check | --terms | --bounds] [--offramp PROGRAM] [FOLDER...]
#   (none)      Markdown: errors of each scenario beside what its real runs differ by among themselves
#   --check     one line a scenario; exit 1 when an error leaves its bound (the file `bounds` of each folder), nothing was
#               checked or, without FOLDER, a scenario of the table in fidelity.md was not
#   --terms     Markdown: mean absolute errors over all scenarios with every term of the model, and without each
#   --bounds    writes `bounds` anew: today's errors and half as much again
# FOLDER: scenarios with scenario.yaml and replay-*.olog; default: all beside this script with two replays or more.
set -euo pipefail
shopt -s inherit_errexit
here=$(cd "$(dirname "$0")" && pwd)
offramp=build/release/offramp mode=table folders=() expected=
while [ $# -gt 0 ]; do
    case $1 in
        --check | --terms | --bounds) mode=${1#--} ;;
        --offramp) offramp=${2:?PROGRAM}; shift ;;
        -*) echo "fidelity.sh: found $1, expected --check, --terms, --bounds or --offramp" >&2; exit 2 ;;
        *) folders+=("$1") ;;
    esac
    shift
done
if [ ${#folders[@]} -eq 0 ]; then
    for folder in "$here"/*/*/; do # a single replay has no spread to stand beside an error
        if [ -e "$folder/replay-2.olog" ]; then folders+=("$folder"); fi
    done
    if [ $mode = check ]; then # a folder that is lost is noticed
        expected=$(sed -n 's/^| \([a-z0-9-]*-[a-z0-9-]*\) |.*/\1/p' "$here/fidelity.md")
        [ "$expected" ] || { echo "fidelity.sh: found no scenario in $here/fidelity.md, expected its table" >&2; exit 1; }
    fi
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Three simulations of a scenario into $work/sim, each with execution times of its own.
simulate() { # FOLDER [WITHOUT [STREAMS]]
    rm -rf "$work/sim" && mkdir "$work/sim"
    for stream in ${3:-1 2 3}; do
        "$offramp" sim "$1/scenario.yaml" --set model.noise_stream=$stream --set "model.without=[${2:-}]" \
            --log "$work/sim/$stream.olog" >/dev/null 2>"$work/err" || { cat "$work/err" >&2; return 1; }
    done
}

# Errors of the simulations against the replays, then half the range of the replays themselves: mean p50 p99 throughput
# exits mean p50 p99 throughput.
errors_of() { # FOLDER
    "$offramp" compare "$1" "$work/sim" >"$work/compare"
    awk '$1 == "latency" && $4 == "ms" { spread[$2] = $7; error[$2] = $9 }
         $1 == "throughput" { spread[$1] = $4; error[$1] = $6 }
         /^exits/ { exits = $0; sub(/.*worst site /, "", exits); sub(/ .*/, "", exits) }
         END { if (error["mean"] == "" || error["throughput"] == "" || exits == "") exit 1
               print error["mean"], error["p50"], error["p99"], error["throughput"], exits,
                   spread["mean"], spread["p50"], spread["p99"], spread["throughput"] }' "$work/compare"
}

# Exit rates of the replays: the worst site of any of them against the first, in points.
own_exits() { # FOLDER
    for replay in "$1"/replay-[2-9].olog; do
        "$offramp" compare "$1/replay-1.olog" "$replay"
    done | awk '/^exits/ { sub(/.*worst site /, ""); sub(/ .*/, ""); if ($0 + 0 > worst) worst = $0 + 0 }
                END { printf "%.2f\n", worst }'
}

table() {
    echo "| scenario | mean % | p50 % | p99 % | throughput % | worst exit rate, points |"
    echo "|---|---|---|---|---|---|"
    for folder in "${folders[@]}"; do
        folder=${folder%/} && [ -e "$folder/scenario.yaml" ] || continue
        simulate "$folder"
        local errors own
        errors=$(errors_of "$folder")
        own=$(own_exits "$folder")
        echo "$errors $own" | awk -v name="${folder##*/}" '{
            printf "| %s | %+.2f (%.2f) | %+.2f (%.2f) | %+.2f (%.2f) | %+.2f (%.2f) | %.2f (%.2f) |\n",
                name, $1, $6, $2, $7, $3, $8, $4, $9, $5, $10 }'
    done
}

check() {
    local failed=0 checked=0 lost within
    for folder in "${folders[@]}"; do
        folder=${folder%/} && [ -e "$folder/scenario.yaml" ] || continue
        within=$(cat "$folder/bounds")
        simulate "$folder"
        checked=$((checked + 1)) expected=$(grep -vxF -- "${folder##*/}" <<<"$expected" || true)
        if "$offramp" compare "$folder" "$work/sim" --gate "$within" >/dev/null 2>"$work/err"; then
            echo "within its bounds: ${folder##*/}"
        else
            echo "OUT OF BOUNDS: ${folder##*/}: $(cat "$work/err")"
            failed=1
        fi
    done
    for lost in $expected; do
        echo "NOT CHECKED: $lost: found no folder with its replays"
        failed=1
    done
    if [ $checked -eq 0 ]; then
        echo "NOTHING CHECKED: found no scenario"
        failed=1
    fi
    return $failed
}

bounds() {
    for folder in "${folders[@]}"; do
        folder=${folder%/} && [ -e "$folder/scenario.yaml" ] || continue
        simulate "$folder"
        local errors
        errors=$(errors_of "$folder")
        awk 'function bound(error, least) {
                error = error < 0 ? -error : error
                return sprintf("%.1f%%", error * 1.5 > least ? error * 1.5 + 0.05 : least)
            }
            { printf "mean=%s,p50=%s,p99=%s,throughput=%s,exit_rate=%s\n", bound($1, 1), bound($2, 1), bound($3, 3),
                  bound($4, 0.5), bound($5, 0.3) }' <<<"$errors" >"$folder/bounds"
    done
}

# Mean absolute error of every figure over all scenarios, one line.
average() { # WITHOUT
    for folder in "${folders[@]}"; do
        folder=${folder%/} && [ -e "$folder/scenario.yaml" ] || continue
        simulate "$folder" "$1" 1
        errors_of "$folder"
    done | awk '{ for (i = 1; i <= 5; i++) sum[i] += $i < 0 ? -$i : $i }
                END { if (!NR) exit 1
                      for (i = 1; i <= 5; i++) printf "%.2f%s", sum[i] / NR, i < 5 ? " | " : "" }'
}

terms() {
    echo "| term left out | mean % | p50 % | p99 % | throughput % | worst exit rate, points |"
    echo "|---|---|---|---|---|---|"
    local names term means
    names=$("$offramp" list terms | awk '{ print $1 }')
    means=$(average "")
    echo "| none | $means |"
    for term in $names; do
        means=$(average "$term")
        echo "| $term | $means |"
    done
    means=$(average "$(paste -sd, <<<"$names")")
    echo "| all of them | $means |"
}

"$mode"
