#!/usr/bin/env bash
# Writes analysis/evidence/fidelity.md and docs/fidelity.svg from the replays. Usage: report.sh [--offramp PROGRAM]
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/../.."
offramp=build/release/offramp
if [ "${1:-}" = --offramp ]; then offramp=${2:?PROGRAM}; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
analysis/evidence/fidelity.sh --terms "$@" >"$work/terms" &
analysis/evidence/fidelity.sh "$@" >"$work/table"
wait $!
{
    echo "# The simulator against replays on an NVIDIA H100"
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
    for profile in analysis/evidence/nvidia-h100-80gb-hbm3/profiles/*.oprof; do
        name=$(basename "$profile" .oprof)
        rate=$(sed -n 's/.*rate: \([0-9]*\)\/s.*/\1/p' "$(dirname "$profile")/../$name-idle/scenario.yaml")
        "$offramp" profile info "$profile" | awk -v name="$name" -v rate="$rate" '
            /^along/ { whole = 1; next }
            whole && $1 == 1 { load = rate * $4 / 1e4 }
            whole && $1 ~ /^[0-9]+$/ { idle = $NF - $4
                if (!n++) { least = most = $2; low = high = idle }
                if ($2 < least) least = $2; if ($2 > most) most = $2
                if (idle < low) low = idle; if (idle > high) high = idle }
            $1 == "notice" { notice = $2 } $1 == "reply" { reply = $2 }
            END { if (!n) exit 1
                  printf "| %s | %.1f to %.1f | %+.1f to %+.1f | %.2f | %.2f | %.1f |\n",
                      name, least, most, low, high, notice, reply, load }'
    done
} >"$work/fidelity.md"
analysis/evidence/figure.sh <"$work/table" >"$work/fidelity.svg"
mv "$work/fidelity.md" analysis/evidence/fidelity.md
mv "$work/fidelity.svg" docs/fidelity.svg
