#!/usr/bin/env bash
# Writes analysis/evidence/fidelity.md and docs/fidelity.svg from the replays. Usage: report.sh [--offramp PROGRAM]
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
analysis/evidence/fidelity.sh "$@" >"$work/table"
analysis/evidence/fidelity.sh --terms "$@" >"$work/terms"
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
} >"$work/fidelity.md"
analysis/evidence/figure.sh <"$work/table" >"$work/fidelity.svg"
mv "$work/fidelity.md" analysis/evidence/fidelity.md
mv "$work/fidelity.svg" docs/fidelity.svg
