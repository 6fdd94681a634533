#!/usr/bin/env bash
# fit -> generate -> simulate, beside simulating the recording itself: for every recording of a folder (default
# ../shared/recordings) with its model's H200 profile, and for static thresholds, apparate, apparate that moves thresholds
# alone (adjust: false), and apparate's published rule of adjusting ramps. Prints a Markdown table.
#
#   analysis/exit_model_table.sh [--check] [--policies "NAME ..."] [--fit "FLAG ..."] [FOLDER] [OFFRAMP] [SEEDS]
#
# p50, p95, p99: latency of the made-up recording against the real one, per cent. Site: exit rates, points, the worst
# site. Exits: all sites together, points. Both sides are means over eight seeds (of the arrivals; on the made-up side each
# also of a recording of its own), because what apparate decides hangs on its own past. How far that goes the next columns
# say, of p50 and of the worst site: how far a single seed on the very recording strays from its mean at most; how far the
# mean moves when the very recording begins elsewhere (`recording cut --wrap`, at a ninth, two ninths, ... of it), and how
# far a single one of those strays. Poisson arrivals at about half of
# what batch 1 does, ramps of 4 us.
#
# Holds: the criterion a row meets, in each of its four figures or the next weaker one:
#   2       at most 2 per cent, 2 points
#   seeds   no further off than a single seed on the recording strays
#   starts  no further off than a single seed on the recording begun elsewhere strays
#   no      further off
#
# --fit passes flags to `workload fit`. --check fails (1) where a figure is off by more than twice what the widest
# criterion allows: for ctest, with fewer seeds. Without the folder: SKIPPED, 77 with --check.
set -euo pipefail
export LC_ALL=C # awk reads and writes numbers with a point
shopt -s inherit_errexit
cd "$(dirname "$0")/.."
check='' flags=() policies='static apparate thresholds published'
while [[ ${1-} == --* ]]; do
    case $1 in
        --check) check=1 ;;
        --policies) policies=$2 && shift ;;
        --fit) read -ra flags <<<"$2" && shift ;;
        *) echo "exit_model_table.sh: unknown flag $1" >&2 && exit 2 ;;
    esac
    shift
done
folder=${1:-../shared/recordings}
offramp=${2:-build/release/offramp}
seeds=${3:-8}
[ -d "$folder" ] || { echo "SKIPPED: no recordings in $folder" >&2; exit $((check ? 77 : 0)); }
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

# Lines of simulate: of the recording, as many of the recording begun elsewhere, as many made up -> a row's figures.
# Figure 4 stands for all sites: the one furthest off.
table_row() {
    awk -v n="$seeds" '
        function off(x) { return x < 0 ? -x : x }
        function from(x, i) { return i <= 3 ? 100 * (x / mean[0, i] - 1) : 100 * (x - mean[0, i]) }
        { side = int((NR - 1) / n); width = NF; for (i = 1; i <= NF; i++) { mean[side, i] += $i / n; one[NR, i] = $i } }
        END {
            if (NR != 3 * n || width < 5) { print "exit_model_table.sh: a simulation failed" >"/dev/stderr"; exit 1 }
            for (i = 1; i < width; i++) {
                f = i < 4 ? i : 4
                d = off(from(mean[2, i], i)); if (d > gap[f]) gap[f] = d
                d = off(from(mean[1, i], i)); if (d > moved[f]) moved[f] = d
                for (s = 1; s <= n; s++) {
                    d = off(from(one[s, i], i)); if (d > seed[f]) seed[f] = d
                    d = off(from(one[n + s, i], i)); if (d > start[f]) start[f] = d
                }
            }
            for (f = 1; f <= 4; f++) {
                need = gap[f] <= 2 ? 0 : gap[f] <= seed[f] ? 1 : gap[f] <= start[f] ? 2 : 3
                if (need > worst) worst = need
                bar = 2; if (seed[f] > bar) bar = seed[f]; if (start[f] > bar) bar = start[f]
                if (gap[f] > 2 * bar) failed = 1
            }
            split("2 seeds starts no", name, " ")
            for (i = 1; i <= 3; i++) printf "%+.1f | ", from(mean[2, i], i)
            printf "%.1f | %+.1f | %.1f | %.1f | ", gap[4], 100 * (mean[0, width] - mean[2, width]), seed[1], seed[4]
            printf "%+.1f | %.1f | %.1f | %.1f | %s\n", from(mean[1, 1], 1), moved[4], start[1], start[4], name[worst + 1]
            exit failed ? 3 : 0 }'
}

echo "| recording | policy | p50 % | p95 % | p99 % | site | exits | a seed strays: p50 % | site |" \
    "begun elsewhere: p50 % | site | one strays: p50 % | site | holds |"
echo "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"
rows=0 failed=0
for source in "$folder"/*/; do
    name=$(basename "$source")
    case $name in
        resnet50*) profile=h200-resnet50 rate=600/s ;;
        resnet18*) profile=h200-resnet18 rate=1.4k/s ;;
        vgg11*) profile=h200-vgg11 rate=1.4k/s ;;
        bert12* | gpt12*) profile=h200-bert-base rate=900/s ;;
        *) continue ;;
    esac
    rm -f "$work"/*
    "$offramp" recording import "$source" -o "$work/real.orec" 2>/dev/null
    samples=$("$offramp" recording info "$work/real.orec" --json | grep -m1 '"samples"' | tr -dc 0-9)
    "$offramp" workload fit "$work/real.orec" -o "$work/m.yaml" "${flags[@]}" >/dev/null
    for seed in $(seq "$seeds"); do
        "$offramp" workload generate "$work/m.yaml" --samples "$samples" --seed "$seed" -o "$work/made$seed.orec"
        "$offramp" recording cut "$work/real.orec" --from $((samples * seed / (seeds + 1))) --wrap \
            -o "$work/from$seed.orec"
    done
    for name_of in $policies; do
        case $name_of in
            static) policy='{policy: static, ramps: [1, 3, 5], thresholds: [0.02, 0.05, 0.1]}' ;;
            apparate) policy='{policy: apparate}' ;;
            thresholds) policy='{policy: apparate, adjust: false}' ;;
            published) policy='{policy: apparate, adjust_rule: published}' ;;
            *) echo "exit_model_table.sh: unknown policy $name_of" >&2 && exit 2 ;;
        esac
        for seed in $(seq "$seeds"); do simulate real "$policy" "$seed"; done >"$work/lines"
        for seed in $(seq "$seeds"); do simulate "from$seed" "$policy" "$seed"; done >>"$work/lines"
        for seed in $(seq "$seeds"); do simulate "made$seed" "$policy" "$seed"; done >>"$work/lines"
        status=0
        row=$(table_row <"$work/lines") || status=$?
        [ $status -eq 0 ] || [ $status -eq 3 ] || exit 1
        echo "| $name | $name_of | $row |"
        [ $status -eq 0 ] || failed=$((failed + 1))
        rows=$((rows + 1))
    done
done
[ $rows -gt 0 ] || { echo "exit_model_table.sh: found no stream in $folder, expected folders of recordings" >&2; exit 1; }
[ -z "$check" ] || [ $failed -eq 0 ] || { echo "exit_model_table.sh: $failed of $rows rows fail" >&2; exit 1; }
