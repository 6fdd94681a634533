#!/usr/bin/env bash
# Agreement and saving of apparate's guards conformal and bank on made-up streams, 20,000 inputs each, from exit models:
# independent inputs, easy and hard; ramps whose scores say little; ramps surer than they may be; levels that step, rise and
# come back; scenes. ResNet-18's H200 profile, batch 1, ramps of 300 ns (all sites affordable) and 4 us (one). Means over
# three streams of a kind. `best` is static-hindsight. Prints a Markdown table.
#
# --check also holds `bank` to an agreement of at least 99.0 % and to 0.9 times the saving of `conformal`, and names on
# stderr the rows that miss it (status 1). Usage: analysis/guard_made.sh [--check] [OFFRAMP]
set -euo pipefail
export LC_ALL=C # awk reads and writes numbers with a point
shopt -s inherit_errexit
cd "$(dirname "$0")/.."
check=''
if [ "${1:-}" = --check ]; then check=1; shift; fi
offramp=$(realpath "${1:-build/release/offramp}")
profile=$PWD/workloads/data/h200-resnet18.oprof
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

easy='exit: [0.05, 0.15, 0.25, 0.4, 0.5, 0.62, 0.75, 0.9], agreement: [0.985, 0.988, 0.99, 0.992, 0.994, 0.996, 0.998, 0.999], otherwise: [0.6, 0.64, 0.68, 0.72, 0.76, 0.8, 0.85, 0.9]'
hard='exit: [0.01, 0.03, 0.07, 0.12, 0.2, 0.3, 0.45, 0.7], agreement: [0.97, 0.975, 0.98, 0.985, 0.988, 0.99, 0.995, 0.998], otherwise: [0.5, 0.53, 0.56, 0.6, 0.64, 0.7, 0.76, 0.85]'
flat='exit: [0.05, 0.15, 0.25, 0.4, 0.5, 0.62, 0.75, 0.9], agreement: [0.97, 0.975, 0.98, 0.983, 0.985, 0.988, 0.991, 0.995], otherwise: [0.93, 0.94, 0.95, 0.955, 0.96, 0.97, 0.975, 0.98]'
sure='exit: [0.4, 0.55, 0.65, 0.75, 0.8, 0.85, 0.92, 0.97], agreement: [0.93, 0.94, 0.95, 0.96, 0.97, 0.98, 0.985, 0.995], otherwise: [0.5, 0.53, 0.56, 0.6, 0.64, 0.7, 0.76, 0.85]'

model() { # NAME SCHEDULE HEAD REGIME...
    local name=$1 schedule=$2 head=$3
    shift 3
    {
        printf 'kind: offramp.exit-model\nversion: 1\nclasses: 2\nthreshold: 0.1\nspread: 1.5\nloading: 0.8\n%s\n' "$head"
        printf 'sites: [stem, layer1.0, layer1.1, layer2.0, layer2.1, layer3.0, layer3.1, layer4.0]\n'
        printf 'schedule: [%s]\nregimes:\n' "$schedule"
        printf '  - {%s}\n' "$@"
    } >"$name.yaml"
}
alone='persistence: 0%'
model easy '0, 1000' "$alone" "$easy"
model hard '0, 1000' "$alone" "$hard"
model scores-say-little '0, 1000' "$alone" "$flat"
model too-sure '0, 1000' "$alone" "$sure"
model steps '0, 3000, 1, 1500' "$alone" "$easy" "$hard"
model drift '0, 700, 1, 700' $'persistence: 60%\nmemory: 0.999' "$easy" "$hard"
model scenes '0, 3000, 1, 1500' $'persistence: 90%\nmemory: 0.99\nchanges: sudden' "$easy" "$hard"

figures() { # STREAM RAMP EXITS: agreement and mean saving
    printf 'requests: 20000\nmodel: {profile: %s, recording: %s, ramp: %s}\narrivals: {process: poisson, rate: 100/s}\n' \
        "$profile" "$1" "$2" >s.yaml
    printf 'batching: {policy: fifo, max_batch: 16}\nexits: {policy: %s}\n' "$3" >>s.yaml
    "$offramp" sim s.yaml --vanilla 2>/dev/null | awk '/^answers/ { a = $2 } /^saving/ { print a, $3 }'
}

missed=0
echo "| stream | ramp | best | conformal | bank | bank / conformal |"
echo "|---|---|---|---|---|---|"
for yaml in easy hard scores-say-little too-sure steps drift scenes; do
    for ramp in 300ns 4us; do
        row=$(for seed in 1 2 3; do
            "$offramp" workload generate "$yaml.yaml" --samples 20000 --seed $seed -o r.orec 2>/dev/null
            best=$(figures r.orec $ramp static-hindsight)
            conformal=$(figures r.orec $ramp "apparate, guard: conformal")
            bank=$(figures r.orec $ramp apparate)
            echo "$best" "$conformal" "$bank"
        done | awk -v name="$yaml" -v ramp=$ramp '
            { for (i = 1; i <= 6; ++i) sum[i] += $i / 3 }
            NF != 6 { bad = 1 }
            END { if (bad || NR != 3) exit 1
                  printf "| %s | %s | %.2f / %.1f | %.2f / %.1f | %.2f / %.1f | %.2f |\n", name, ramp, sum[1], sum[2],
                      sum[3], sum[4], sum[5], sum[6], sum[6] / sum[4] }')
        echo "$row"
        [ "$check" ] || continue
        read -r agreement ratio < <(awk -F' *[|] *' '{ split($6, bank, " "); print bank[1], $7 }' <<<"$row")
        awk "BEGIN { exit !($agreement >= 99.0 && $ratio >= 0.9) }" && continue
        echo "guard_made.sh: $yaml, ramps of $ramp: bank agrees $agreement %, saves $ratio of conformal; expected 99.0, 0.9" >&2
        missed=$((missed + 1))
    done
done
[ $missed -eq 0 ]
