#!/usr/bin/env bash
# Writes analysis/evidence/fidelity.md and docs/fidelity.svg from the replays. Usage: report.sh [--offramp PROGRAM]
set -euo pipefail
export LC_ALL=C
shopt -s inherit_errexit
cd "$(dirname "$0")/../.."
offramp=build/release/offramp
if [ "${1:-}" = --offramp ]; then offramp=${2:?PROGRAM}; fi
set=analysis/evidence/nvidia-h200-scenarios
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
analysis/evidence/fidelity.sh --terms "$@" >"$work/terms" &
analysis/evidence/fidelity.sh "$@" >"$work/table"
wait $!
# A row of the table of passes after idling.
after_idling() { # NETWORK BOOT LOG...
    local log
    for log in "${@:3}"; do
        "$offramp" log print "$log" --table batches --csv
    done | awk -F, -v name="$1" -v boot="$2" '
        $1 == "id" { for (i = 1; i <= NF; ++i) at[$i] = i; ended = ""; next }
        { idle = ($at["dispatched_ns"] - ended) / 1e3
          if (ended != "" && $at["size"] == 1) {
              bin = idle < 200 ? 0 : idle < 1000 ? 1 : idle < 4000 ? 2 : idle < 16000 ? 3 : 4
              sum[bin] += ($at["ended_ns"] - $at["dispatched_ns"]) / 1e3; ++n[bin]
          }
          ended = $at["ended_ns"] }
        END { printf "| %s | %s |", name, boot
              for (bin = 0; bin < 5; ++bin) if (n[bin] >= 20) printf " %.1f |", sum[bin] / n[bin]; else printf " - |"
              print "" }'
}

{
    echo "# The simulator against replays on an NVIDIA H200"
    echo
    echo "Written by \`make fidelity\`. Errors of the simulation, in brackets what the replays differ by among themselves;"
    echo "definitions, causes and how to make such evidence: [how far to trust a prediction](../../docs/how-far-to-trust.md)."
    echo
    cat "$work/table"
    echo
    echo "## Without one term of the model"
    echo
    echo "Mean absolute errors over all scenarios, one simulation each. The terms: \`offramp list terms\`."
    echo
    cat "$work/terms"
    echo
    echo "## Terms of the profiles"
    echo
    echo "Over batches of 1 to 16, least to most, in us: what a whole pass takes beyond its parts (launch), what it takes more"
    echo "after 8 ms without work than at once after another (idle); the end of a batch to the loop's sight of it (notice), to"
    echo "the policy's answer being in force (reply). Load: share of the time that the idle scenario keeps the server busy, with"
    echo "batches of one."
    echo
    echo "| network | launch | idle | notice | reply | load % |"
    echo "|---|---|---|---|---|---|"
    for profile in $set/profiles/*.oprof; do
        name=$(basename "$profile" .oprof)
        rate=$(sed -n 's/.*rate: \([0-9]*\)\/s.*/\1/p' "$(dirname "$profile")/../$name-idle/scenario.yaml")
        "$offramp" profile info "$profile" | awk -v name="$name" -v rate="$rate" '
            /^along/ { whole = 1; next }
            whole && $1 == "batch" { first = /ahead us/ ? 5 : 4 } # the shortest idling
            whole && $1 == 1 { load = rate * $first / 1e4 }
            whole && $1 ~ /^[0-9]+$/ { idle = $NF - $first
                if (!n++) { least = most = $2; low = high = idle }
                if ($2 < least) least = $2; if ($2 > most) most = $2
                if (idle < low) low = idle; if (idle > high) high = idle }
            $1 == "notice" { notice = $2 } $1 == "reply" { reply = $2 }
            END { if (!n) exit 1
                  printf "| %s | %.1f to %.1f | %+.1f to %+.1f | %.2f | %.2f | %.1f |\n",
                      name, least, most, low, high, notice, reply, load }'
    done
    echo
    echo "## Passes after idling"
    echo
    echo "Batches of one in the idle scenarios: mean pass, us, by how long the server had been idle before it. Replays of each"
    echo "boot, and a simulation, which has it from the profile's boot, or from the probe on the boot of the replays."
    echo
    echo "| network | boot | under 200 us | 200 us to 1 ms | 1 to 4 ms | 4 to 16 ms | above |"
    echo "|---|---|---|---|---|---|---|"
    for folder in $set/*-idle; do
        name=$(basename "$folder" -idle)
        for times in "" "$set/probes/$name.oprof"; do
            [ -z "$times" ] || [ -e "$times" ] || continue
            "$offramp" sim "$folder/scenario.yaml" ${times:+--set "model.times=$times"} --log "$work/idle.olog" >"$work/idle.out" 2>&1 ||
                { cat "$work/idle.out" >&2; exit 1; }
            after_idling "$name" "simulation${times:+, probed}" "$work/idle.olog"
        done
        while read -r from to boot; do
            logs=()
            for ((round = from; round <= to; ++round)); do logs+=("$folder/replay-$round.olog"); done
            after_idling "$name" "$boot" "${logs[@]}"
        done < <(awk '$1 == "rounds" { split($2, r, "-") } # those of one boot that follow each other are one row
            $1 == "boot:" { if (boot != "" && boot != substr($2, 1, 8)) { print from, to, boot; boot = "" }
                            if (boot == "") { from = r[1]; boot = substr($2, 1, 8) }
                            to = r[2] }
            END { if (boot != "") print from, to, boot }' "$(dirname "$folder")/environment.txt")
    done
} >"$work/fidelity.md"
analysis/evidence/figure.sh <"$work/table" >"$work/fidelity.svg"
mv "$work/fidelity.md" analysis/evidence/fidelity.md
mv "$work/fidelity.svg" docs/fidelity.svg
