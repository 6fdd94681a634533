#!/usr/bin/env bash
# fit -> generate -> simulate, beside simulating the recording itself: for every recording of a folder (argument 1, default
# ../shared/recordings) with its model's H200 profile, and for static thresholds, apparate, apparate that moves thresholds
# alone (adjust: false), and apparate's published rule of adjusting ramps. Both sides are means over
# eight seeds (of the arrivals; on the made-up side each also of a recording of its own), because what apparate decides
# hangs on its own past: the last two columns say how far a single seed on the very recording strays from that mean.
# p50, p95, p99: latency of the made-up recording against the real one, per cent. Site: exit rates, points, the worst
# site. Exits: all sites together, points. Poisson arrivals at about half of what batch 1 does, ramps of 4 us.
# Prints a Markdown table. Usage: analysis/exit_model_table.sh [FOLDER] [OFFRAMP] [SEEDS]
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."
folder=${1:-../shared/recordings}
offramp=${2:-build/release/offramp}
seeds=${3:-8}
[ -d "$folder" ] || { echo "SKIPPED: no recordings in $folder" >&2; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

simulate() { # recording policy seed -> p50 p95 p99 exit_rate...
    printf 'requests: %s\nseed: %s\nmodel: {profile: %s, recording: %s, ramp: 4us}\n' "$samples" "$3" \
        "$PWD/workloads/data/$profile.oprof" "$work/$1.orec" >"$work/s.yaml"
    printf 'arrivals: {process: poisson, rate: %s}\nbatching: {policy: fifo, max_batch: 16}\n' "$rate" >>"$work/s.yaml"
    printf 'exits: %s\n' "$2" >>"$work/s.yaml"
    "$offramp" sim "$work/s.yaml" --json 2>/dev/null |
        awk '/"latency_ms"/ { on = 1 } on && /"p50"|"p95"|"p99":/ { gsub(/[",:]/, ""); print $2 } /"queueing_ms"/ { on = 0 }
             /"exit_rate"/ { sub(/.*\[/, ""); gsub(/[],]/, " "); gsub(/ +/, "\n"); printf "%s", $0 }' |
        tr '\n' ' '
    echo
}

# Lines of simulate, real ones, then as many made-up ones -> a row's figures.
table_row() {
    awk -v n="$seeds" '
        { side = NR > n; for (i = 1; i <= NF; i++) { mean[side, i] += $i / n; if (!side) one[NR, i] = $i } width = NF }
        function off(i, x) { return x < 0 ? -x : x }
        END { for (i = 1; i <= 3; i++) printf "%+.1f | ", 100 * (mean[1, i] / mean[0, i] - 1)
              for (i = 4; i < width; i++) { d = off(i, 100 * (mean[1, i] - mean[0, i])); if (d > worst) worst = d
                  for (s = 1; s <= n; s++) { d = off(i, 100 * (one[s, i] - mean[0, i])); if (d > stray) stray = d } }
              for (s = 1; s <= n; s++) { d = off(1, 100 * (one[s, 1] / mean[0, 1] - 1)); if (d > p50) p50 = d }
              printf "%.1f | %+.1f | %.1f | %.1f", worst, 100 * (mean[0, width] - mean[1, width]), p50, stray }'
}

echo "| recording | policy | p50 % | p95 % | p99 % | site | exits | one seed strays: p50 % | site |"
echo "|---|---|---|---|---|---|---|---|---|"
rows=0
for source in "$folder"/*/; do
    name=$(basename "$source")
    case $name in
        resnet50*) profile=h200-resnet50 rate=600/s ;;
        resnet18*) profile=h200-resnet18 rate=1.4k/s ;;
        vgg11*) profile=h200-vgg11 rate=1.4k/s ;;
        bert12* | gpt12*) profile=h200-bert-base rate=900/s ;;
        *) continue ;;
    esac
    "$offramp" recording import "$source" -o "$work/real.orec" 2>/dev/null
    samples=$("$offramp" recording info "$work/real.orec" --json | grep -m1 '"samples"' | tr -dc 0-9)
    "$offramp" workload fit "$work/real.orec" -o "$work/m.yaml" >/dev/null
    for seed in $(seq "$seeds"); do
        "$offramp" workload generate "$work/m.yaml" --samples "$samples" --seed "$seed" -o "$work/made$seed.orec"
    done
    for name_of in static apparate thresholds published; do
        case $name_of in
            static) policy='{policy: static, ramps: [1, 3, 5], thresholds: [0.02, 0.05, 0.1]}' ;;
            apparate) policy='{policy: apparate}' ;;
            thresholds) policy='{policy: apparate, adjust: false}' ;;
            published) policy='{policy: apparate, adjust_rule: published}' ;;
        esac
        for seed in $(seq "$seeds"); do simulate real "$policy" "$seed"; done >"$work/lines"
        for seed in $(seq "$seeds"); do simulate "made$seed" "$policy" "$seed"; done >>"$work/lines"
        row=$(table_row <"$work/lines")
        echo "| $name | $name_of | $row |"
        rows=$((rows + 1))
    done
done
[ $rows -gt 0 ] || { echo "exit_model_table.sh: found no stream in $folder, expected folders of recordings" >&2; exit 1; }
