#!/usr/bin/env bash
# What everything around a device costs: replays Poisson arrivals on the null device, vanilla and fifo with batches up
# to 16, at rising rates, and prints for each how many requests a second were answered and how late they were let in.
# Bar: at least 200,000 requests/s with a 99th percentile of lateness below 100 us. Run it on an idle machine with 8
# processors or more (the waiting threads spin there); exit status 1 when the bar is missed.
#
#   replay/bench_null.sh [OFFRAMP [SECONDS]]
set -euo pipefail
export LC_ALL=C # awk reads and writes numbers with a point
cd "$(dirname "$0")/.."
offramp=${1:-build/release/offramp}
seconds=${2:-5}
log=$(mktemp)
trap 'rm -f "$log" "$log.json" "$log.cpu"' EXIT
TIMEFORMAT='%U %S'

echo "null device, $(nproc) processors, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $seconds s each, with a run log"
printf '%10s %12s %10s %10s %10s %12s %8s\n' rate/s answered/s late-p50 late-p99 late-max loop-us/req CPU-us/req
status=1
for rate in 50000 100000 200000 250000 400000 600000; do
    # An INVALID run is a result here, not a failure.
    { time "$offramp" replay workloads/scenarios/demo.yaml --device null --json --log "$log" --max-lateness 1h \
        --set "arrivals={process: poisson, rate: $rate/s}" --set exits=vanilla --set slo=none \
        --set "requests=$((rate * seconds))" >"$log.json" 2>/dev/null || true; } 2>"$log.cpu"
    row=$(awk -v rate="$rate" -v cpu="$(awk '{ print $1 + $2 }' "$log.cpu")" -v n=$((rate * seconds)) '
        { gsub(/[",]/, "") }
        $1 == "throughput_rps:" { answered = $2 }
        $1 == "lateness_us:" { which = "late" }
        $1 == "loop_us:" { which = "loop" }
        $1 == "loop_us_per_request:" { loop = $2 }
        which == "late" && $1 ~ /^(p50|p99|max):$/ { late[$1] = $2 }
        END { printf "%10d %12.0f %10.1f %10.1f %10.1f %12.2f %8.2f %d\n", rate, answered, late["p50:"], late["p99:"],
              late["max:"], loop, 1e6 * cpu / n, (answered >= 200000 && late["p99:"] < 100) }' "$log.json")
    echo "${row% *}"
    [ "${row##* }" = 1 ] && status=0
done
[ $status -eq 0 ] && echo "bar met: 200,000 requests/s with lateness p99 below 100 us" || echo "bar missed"
exit $status
