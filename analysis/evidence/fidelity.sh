#!/usr/bin/env bash
# Holds the simulator against the replays kept beside this script. `make fidelity` prints the table.
# Usage: fidelity.sh [--check | --terms | --bounds | --release] [--offramp PROGRAM] [--record FILE] [FOLDER...]
#   (none)      Markdown: errors of each scenario beside what its real runs differ by among themselves; which lie within
#               the aims; what was measured beside each miss
#   --check     one line a scenario; exit 1 when an error leaves its bound (the file `bounds` of each folder) or grew against
#               the last release (the record), nothing was checked or, without FOLDER, a scenario of the table in fidelity.md
#               was not
#   --terms     Markdown: mean absolute errors over all scenarios with every term of the model, and without each
#   --bounds    writes `bounds` anew: today's errors and half as much again
#   --release   writes the record anew: errors of this program's simulations, and by how much they may grow
# FOLDER: scenarios with scenario.yaml and replay-*.olog; default: all beside this script with two replays or more.
# The record (release.csv) names the evidence by a hash and cannot be held against other. Simulations of one scenario differ
# by the stream their execution times are drawn from. An error is the mean of six of them; two such means differ by the
# standard deviation of one simulation times the root of 2/6. The tolerance is four times that, measured over twelve streams
# when the record is made, and at least 0.05.
set -euo pipefail
export LC_ALL=C # awk reads and writes numbers with a point
shopt -s inherit_errexit
here=$(cd "$(dirname "$0")" && pwd)
offramp=build/release/offramp mode=table folders=() expected='' record=$here/release.csv
figures="mean p50 p99 throughput exit_rate"
while [ $# -gt 0 ]; do
    case $1 in
        --check | --terms | --bounds | --release) mode=${1#--} ;;
        --offramp) offramp=${2:?PROGRAM}; shift ;;
        --record) record=${2:?FILE}; shift ;;
        -*) echo "fidelity.sh: found $1, expected --check, --terms, --bounds, --release, --offramp or --record" >&2; exit 2 ;;
        *) folders+=("$1") ;;
    esac
    shift
done
if [ ${#folders[@]} -eq 0 ]; then
    for folder in "$here"/*/*/; do # a single replay has no spread to stand beside an error
        if [ -e "$folder/replay-2.olog" ]; then folders+=("$folder"); fi
    done
    if [ $mode = check ]; then # a folder that is lost is noticed
        expected=$(sed -n '/^## /q; s/^| \([a-z0-9-]*-[a-z0-9-]*\) |.*/\1/p' "$here/fidelity.md")
        [ "$expected" ] || { echo "fidelity.sh: found no scenario in $here/fidelity.md, expected its table" >&2; exit 1; }
    fi
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Six simulations of a scenario into $work/sim, each with execution times of its own. TIMES: a profile of those (model.times).
simulate() { # FOLDER [WITHOUT [STREAMS [PACE [TIMES]]]]
    rm -rf "$work/sim" && mkdir "$work/sim"
    for stream in ${3:-1 2 3 4 5 6}; do
        "$offramp" sim "$1/scenario.yaml" --set model.noise_stream=$stream --set "model.without=[${2:-}]" \
            --set "model.pace=[${4:-}]" ${5:+--set "model.times=$5"} \
            --log "$work/sim/$stream.olog" >/dev/null 2>"$work/err" || { cat "$work/err" >&2; return 1; }
    done
}

# Errors of the simulations against the replays, then half the range of the replays themselves: mean p50 p99 throughput
# exits mean p50 p99 throughput. GATES: 1 = one of them failed, its line is in $work/err.
errors_of() { # FOLDER [GATES]
    local failed=0
    "$offramp" compare "$1" "$work/sim" ${2:+--gate "$2"} >"$work/compare" 2>"$work/err" || failed=$?
    [ $failed -le 1 ] || { cat "$work/err" >&2; return 2; }
    awk '$1 == "latency" && $4 == "ms" { spread[$2] = $7; error[$2] = $9 }
         $1 == "throughput" { spread[$1] = $4; error[$1] = $6 }
         /^exits/ { exits = $0; sub(/.*worst site /, "", exits); sub(/ .*/, "", exits) }
         END { if (error["mean"] == "" || error["throughput"] == "" || exits == "") exit 2
               print error["mean"], error["p50"], error["p99"], error["throughput"], exits,
                   spread["mean"], spread["p50"], spread["p99"], spread["throughput"] }' "$work/compare"
    return $failed
}

# What compare said last of passes of the size most requests were served at: size, then in us mean p10 p90 of the replays, of
# the simulations, error %, spread %; then mean p50 p99 of latency, us, of the replays and of the simulations.
passes() {
    awk '$1 == "latency" && $4 == "ms" { late[$2] = $3 * 1000; simulated[$2] = $5 * 1000 }
         $1 == "pass" { a[$3, $4] = $5 * 1000; b[$3, $4] = $7 * 1000 }
         $1 == "pass" && $4 == "mean" { spread[$3] = $9; error[$3] = $11 }
         $1 == "pass" && $4 == "p10" { size = $3 }
         END { if (size == "") exit 1
               print size, a[size, "mean"], a[size, "p10"], a[size, "p90"], b[size, "mean"], b[size, "p10"], b[size, "p90"],
                   error[size], spread[size], late["mean"], late["p50"], late["p99"], simulated["mean"],
                   simulated["p50"], simulated["p99"] }' "$work/compare"
}

# The pace at which passes of every size would take as long in the simulation as in the replays.
pace() { awk '$1 == "pass" && $4 == "mean" && $6 == "ms" && $8 == "ms" { printf "%s%s=%.5f", n++ ? "," : "", $3, $5 / $7 }' "$work/compare"; }

# The profile as `make.sh probes` took it to the card of the replays; nothing where it did not.
probe_of() { # FOLDER
    local profile
    profile=$(grep -o -E 'profile: [^,}]+\.oprof' "$1/scenario.yaml" | sed 's/.*: //')
    profile=$1/${profile%profiles/*}probes/${profile##*/}
    if [ -e "$profile" ]; then echo "$profile"; fi
}

# Exit rates of the replays: the worst site of any of them against the first, in points.
own_exits() { # FOLDER
    for replay in "$1"/replay-[2-9].olog; do
        "$offramp" compare "$1/replay-1.olog" "$replay"
    done | awk '/^exits/ { sub(/.*worst site /, ""); sub(/ .*/, ""); if ($0 + 0 > worst) worst = $0 + 0 }
                END { printf "%.2f\n", worst }'
}

# Rows of the two tables, into $work/rows and $work/causes; names within all aims into $work/within. A miss of a time is put
# down to the passes when it is none any more with passes that take, on average, as long as the replays'; to idling where
# batches of one are off by as many us as their passes; else to trials of ramps where the replays themselves leave by other
# exits.
measure() { # FOLDER
    local errors own of_passes paced probed probe
    simulate "$1"
    errors=$(errors_of "$1")
    own=$(own_exits "$1")
    of_passes=$(passes)
    simulate "$1" "" "" "$(pace)"
    paced=$(errors_of "$1" | cut -d' ' -f1-4)
    probed=$(cut -d' ' -f1-4 <<<"$errors") probe=$(probe_of "$1")
    if [ "$probe" ]; then
        simulate "$1" "" "" "" "$probe"
        probed=$(errors_of "$1" | cut -d' ' -f1-4)
        echo yes >"$work/probed"
    fi
    echo "$errors $own $of_passes $paced $probed" | awk -v name="${1##*/}" -v work="$work" -v record="$record" '
        function size(x) { return x < 0 ? -x : x }
        function list(cause, what) { causes[cause] = causes[cause] (causes[cause] ? ", " : "") what }
        # Off by no more than the aim when the pass error is added, in us; fields of passes() from 20 on.
        function idled(late, simulated, aim) {
            return $11 == 1 && size(simulated + $12 - $15 - late) <= aim / 100 * late
        }
        # Over its aim: in brackets when the replays themselves differ by as much.
        function miss(what, error, aim, spread, with, after_idling) {
            if (size(error) <= aim) return
            missed++
            beyond += size(error) > spread
            if (size(error) <= spread) what = "(" what ")"
            if (with != "" && size(with) <= aim) list("passes", what)
            else if (after_idling) list("idling", what)
            else if ($10 > 0.3) list("trials of ramps", what)
            else if (size(error) <= spread) list("replays differ as much", what)
            else if (size(with == "" ? error : with) - aim <= chance[what]) list("chance of the simulation", what)
            else list("not found", what)
        }
        BEGIN { while ((getline line <record) > 0) # two standard deviations of a mean of six simulations
                    if (split(line, field, ",") == 4 && field[1] == name)
                        chance[field[2] == "exit_rate" ? "exits" : field[2]] = field[4] / 4 * sqrt(2) }
        { overload = name ~ /-overload$/
          miss("mean", $1, 1, $6, $26, idled($20, $23, 1))
          miss("p50", $2, overload ? 3 : 1, $7, $27, idled($21, $24, 1)); miss("p99", $3, 3, $8, $28, idled($22, $25, 3))
          miss("throughput", $4, 0.5, $9, $29, 0); miss("exits", $5, 0.3, $10, "", 0)
          n = split("passes;idling;trials of ramps;replays differ as much;chance of the simulation;not found", cause, ";")
          for (i = 1; i <= n; i++) if (causes[cause[i]]) beside = beside (beside ? "; " : "") cause[i] ": " causes[cause[i]]
          printf "| %s | %+.2f (%.2f) | %+.2f (%.2f) | %+.2f (%.2f) | %+.2f (%.2f) | %.2f (%.2f) |\n",
              name, $1, $6, $2, $7, $3, $8, $4, $9, $5, $10 >>(work "/rows")
          printf "| %s | %d | %.1f (%.1f to %.1f) | %.1f (%.1f to %.1f) | %+.2f (%.2f) | %+.2f, %+.2f, %+.2f | %+.2f, %+.2f, %+.2f | %s |\n",
              name, $11, $12, $13, $14, $15, $16, $17, $18, $19, $30, $31, $32, $26, $27, $28, missed ? beside : "none" >>(work "/causes")
          print $1, $2, $3, $4, $26, $27, $28, $29, $30, $31, $32, $33 >>(work "/both")
          if (size($26) <= 1 && size($27) <= (overload ? 3 : 1) && size($28) <= 3 && size($29) <= 0.5) print name >>(work "/paced")
          if (!missed) print name >>(work "/within")
          if (!beyond) print name >>(work "/beside_replays") }'
}

count() { if [ -e "$1" ]; then wc -l <"$1"; else echo 0; fi; }
names() { if [ -e "$1" ]; then echo ": $(paste -sd' ' "$1" | sed 's/ /, /g')"; fi; }

table() {
    for folder in "${folders[@]}"; do
        folder=${folder%/} && [ -e "$folder/scenario.yaml" ] || continue
        measure "$folder"
    done
    [ -e "$work/rows" ] || { echo "fidelity.sh: found no scenario" >&2; return 1; }
    echo "| scenario | mean % | p50 % | p99 % | throughput % | worst exit rate, points |"
    echo "|---|---|---|---|---|---|"
    cat "$work/rows"
    echo
    echo "Within every aim, $(count "$work/within") of $(count "$work/rows")$(names "$work/within")."
    echo
    echo "Within every aim or what the replays themselves differ by, $(count "$work/beside_replays") of $(count "$work/rows")$(names "$work/beside_replays")."
    echo
    awk -F'[|(]' '{ rate = $11 + 0; own = $12 + 0
                    if (own > most) most = own
                    if (own > 0 || rate > 0) { ramps++; further += own > rate } }
        END { printf "Replays of one scenario differ by up to %.1f points at a site, in %d of the %d scenarios with ramps by more than the simulation is off.\n", most, further, ramps }' "$work/rows"
    boots
    echo
    echo "## What the misses come from"
    echo
    echo "Passes: from dispatch to end of the batches of the size most requests were served at, mean (p10 to p90). Probed: the"
    echo "errors of mean, p50 and p99 latency with the profile as \`offramp profile probe\` took it to the card of the replays"
    echo "(\`probes\`; those of the profile where there is none). Left: the"
    echo "errors of mean, p50 and p99 latency when passes of every size take, on average, as long as in the replays"
    echo "(\`model.pace\`). A missed aim that this takes away is put down to the passes: another boot of the machine runs them"
    echo "at another speed. Idling: batches of one are off by as many us as their passes, at most the aim aside; what a pass takes"
    echo "longer after idling comes at its beginning, where pace stretches all of it (last table). What is left is put down to"
    echo "trials of ramps where the replays themselves leave by other exits (more than 0.3 points at a site). Chance of the"
    echo "simulation: the aim is missed by less than two standard deviations of"
    echo "the mean of six simulations. In brackets: misses by no more than the replays differ by among themselves."
    echo
    echo "| scenario | size | replays, us | simulation, us | error of the pass % | probed % | left % | missed, by cause |"
    echo "|---|---|---|---|---|---|---|---|"
    cat "$work/causes"
    echo
    awk 'function size(x) { return x < 0 ? -x : x }
         function four(from) { return sprintf("%.2f, %.2f, %.2f, %.2f %%", sum[from] / NR, sum[from + 1] / NR, sum[from + 2] / NR, sum[from + 3] / NR) }
         { for (i = 1; i <= 12; i++) sum[i] += size($i) }
         END { printf "Mean absolute errors of mean, p50, p99, throughput: %s with the passes of the profile, ", four(1)
               if (probed) printf "%s after the probe, ", four(9)
               printf "%s with the passes of the replays.\n", four(5) }' probed="$(count "$work/probed")" "$work/both"
    echo
    echo "Every time within its aim with the passes of the replays, $(count "$work/paced") of $(count "$work/rows")$(names "$work/paced")."
}

# One line for every set of folders: whether its profiles were measured on another boot of the machine than its replays.
boots() {
    local sets set profiles replays probes
    sets=$(for folder in "${folders[@]}"; do dirname "$folder"; done | sort -u)
    for set in $sets; do
        profiles=$(sed -n 's/^boot: //p' "$set/profiles/environment.txt" 2>/dev/null || true)
        probes=$(sed -n 's/^boot: //p' "$set/probes/environment.txt" 2>/dev/null || true)
        replays=$(sed -n 's/^boot: //p' "$set/environment.txt" 2>/dev/null || true)
        echo
        if [ -d "$set/probes" ] && { [ -z "$probes" ] || grep -qvxF -- "$probes" <<<"$replays"; }; then
            echo "Warning: \`environment.txt\` of ${set##*/} does not say that its probes are of the boot of its replays."
            echo
        fi
        if [ -z "$profiles" ] || [ -z "$replays" ]; then
            echo "Warning: \`environment.txt\` of ${set##*/} does not name the boots of its profiles and its replays."
        elif grep -qxF -- "$profiles" <<<"$replays"; then
            echo "Warning: the profiles of ${set##*/} were measured on the boot of its replays."
        else
            echo "Boots of ${set##*/}: profiles ${profiles%%-*}, replays $(cut -d- -f1 <<<"$replays" | sort -u | paste -sd' '); not the same."
        fi
    done
}

# What an error was measured on: one hash of scenario, replays, profile, recording and trace.
hash_of() { # FOLDER
    local file files=()
    for file in $(grep -o -E '(profile|recording|trace): [^,}]+\.(oprof|orec|otrace)' "$1/scenario.yaml" | sed 's/.*: //'); do
        files+=("$1/$file")
    done
    cat "$1/scenario.yaml" "$1"/replay-*.olog "${files[@]}" | sha256sum | cut -c1-16
}

# Figures whose error grew beyond the tolerance against the record. FOLDER, and its errors on stdin.
grown() { # FOLDER
    awk -F'[ ,]' -v figures="$figures" -v name="${1##*/}" -v hash="$(hash_of "$1")" '
        function size(x) { return x < 0 ? -x : x }
        NR == FNR { if ($1 == name) { was[$2] = $3; tolerance[$2] = $4 }
                    next }
        was["evidence"] != hash { print "the record is of other evidence (fidelity.sh --release)"; exit }
        { split(figures, figure, " ")
          for (i in figure) {
              f = figure[i]
              if (!(f in was)) print f " is not in the record"
              else if (size($i) - size(was[f]) > tolerance[f])
                  printf "%s was off by %.2f at the release, now by %.2f, tolerance %.2f\n", f, size(was[f]), size($i), tolerance[f]
          } }' "$record" - | paste -sd';' | sed 's/;/; /g'
}

# The record has to be of the last release CHANGELOG.md names, if it names one.
record_is_of_last_release() {
    local last of
    [ -r "$record" ] || { echo "NO RECORD: found no $record, expected one from fidelity.sh --release"; return 1; }
    last=$(sed -n 's/^## \[\{0,1\}\([0-9][0-9.]*\).*/\1/p' "$here/../../CHANGELOG.md" | head -1)
    of=$(sed -n '1s/^# offramp \([0-9.]*\).*/\1/p' "$record")
    if [ "$last" ] && [ "$of" != "$last" ]; then
        echo "OLD RECORD: $record is of ${of:-no release}, the last release is $last"
        return 1
    fi
}

check() {
    local failed=0 checked=0 lost within errors out grew
    record_is_of_last_release || return 1
    boots | sed '/^$/d'
    for folder in "${folders[@]}"; do
        folder=${folder%/} && [ -e "$folder/scenario.yaml" ] || continue
        within=$(cat "$folder/bounds")
        simulate "$folder"
        checked=$((checked + 1)) expected=$(grep -vxF -- "${folder##*/}" <<<"$expected" || true)
        out=0
        errors=$(errors_of "$folder" "$within") || out=$?
        [ $out -le 1 ] || return 1
        grew=$(grown "$folder" <<<"$errors")
        if [ $out -ne 0 ]; then echo "OUT OF BOUNDS: ${folder##*/}: $(cat "$work/err")"; fi
        if [ "$grew" ]; then echo "GREW: ${folder##*/}: $grew"; fi
        if [ $out -ne 0 ] || [ "$grew" ]; then failed=1; else echo "within its bounds: ${folder##*/}"; fi
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

release() {
    local version stream errors
    version=$("$offramp" --version | head -1 | awk '{ print $2 }')
    {
        echo "# offramp $version, written by analysis/evidence/fidelity.sh --release: error in per cent (exit_rate: points), tolerance"
        echo "scenario,figure,error,tolerance"
        for folder in "${folders[@]}"; do
            folder=${folder%/} && [ -e "$folder/scenario.yaml" ] || continue
            simulate "$folder"
            errors_of "$folder" >"$work/errors"
            for stream in $(seq 12); do
                simulate "$folder" "" "$stream"
                errors_of "$folder" >>"$work/errors"
            done
            echo "${folder##*/},evidence,$(hash_of "$folder"),"
            awk -v name="${folder##*/}" -v figures="$figures" '
                NR == 1 { for (i = 1; i <= 5; i++) error[i] = $i; next }
                { n++; for (i = 1; i <= 5; i++) { sum[i] += $i; squares[i] += $i * $i } }
                END { split(figures, figure, " ")
                      for (i = 1; i <= 5; i++) {
                          variance = (squares[i] - sum[i] * sum[i] / n) / (n - 1)
                          tolerance = variance > 0 ? 4 * sqrt(variance * 2 / 6) : 0
                          printf "%s,%s,%.3f,%.3f\n", name, figure[i], error[i], tolerance < 0.05 ? 0.05 : tolerance
                      } }' "$work/errors"
        done
    } >"$work/record"
    mv "$work/record" "$record"
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
