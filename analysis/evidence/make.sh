#!/usr/bin/env bash
# Evidence for one's own GPU, step by step (docs/how-far-to-trust.md):
#   make.sh profiles DEVICE FOLDER    measures the networks into FOLDER/profiles
#   make.sh probes DEVICE FOLDER      takes the profiles to the card of the replays, into FOLDER/probes, in seconds
#   make.sh start DEVICE FOLDER       how long a replay takes besides its requests, into FOLDER/start
#   make.sh scenarios FOLDER [TRACE.otrace [SECONDS]]   writes FOLDER/NAME/scenario.yaml, rates by what the profiles can
#                                     do; with SECONDS the idle ones idle as much as five rounds in that time allow
#   make.sh estimate FOLDER [N]       seconds that N rounds of replays (5) will take
#   make.sh replays DEVICE FOLDER [N | A-B] [SECONDS]   replays each N times (5), in N rounds, or makes rounds A to B of
#                                     them; begins none after SECONDS
#   make.sh keep FOLDER [BYTES]       verifies the logs, makes them compact, sums up what replays printed; fails above BYTES
#                                     (6000000)
# Between profiles and scenarios on one side and probes and replays on the other the machine should have been started anew:
# a profile has to predict runs it was not measured beside. Only profiles, probes, start and replays need the device. NETS, RECORDINGS, OFFRAMP: other networks, other
# folders of recordings, another program. GRAIN: of times in logs that are kept (256ns). IDLE: share of the time the idle ones keep the server busy (0.3333).
set -euo pipefail
export LC_ALL=C # awk reads and writes numbers with a point
shopt -s inherit_errexit
offramp=${OFFRAMP:-build/release/offramp}
nets=${NETS:-resnet18 resnet50 vgg16 bert-base}
recordings=${RECORDINGS:-analysis/evidence/inputs workloads/data}
batches=1,2,4,8,16 requests=10000

fail() {
    echo "make.sh: $*" >&2
    exit 2
}

some_scenario() { # FOLDER
    [ -n "$(compgen -G "$1/*/scenario.yaml")" ] || fail "found no scenario.yaml in the folders of $1, expected those of \`make.sh scenarios\`"
}

is_number() { [[ $1 =~ ^[1-9][0-9]{0,8}$ ]]; }

recording_of() {
    local name folder
    case $1 in
        resnet18*) name=resnet18-vehicle-video ;;
        resnet50) name=resnet50-vehicle-video ;;
        vgg16) name=vgg16-made-up ;;
        bert-base) name=bert12-imdb-shuffled ;;
        *) fail "no recording for the network $1" ;;
    esac
    for folder in $recordings; do
        if [ -e "$folder/$name.orec" ]; then
            echo "$folder/$name.orec"
            return
        fi
    done
    fail "found no $name.orec in: $recordings"
}

environment() { # what the machine says of itself
    date -u +%FT%TZ
    uname -srm
    echo "boot: $(cat /proc/sys/kernel/random/boot_id)"
    grep -m1 'model name' /proc/cpuinfo || true
    echo "processors: $(nproc)"
    if command -v nvidia-smi >/dev/null; then
        nvidia-smi --query-gpu=name,driver_version,clocks.sm,clocks.mem,temperature.gpu,power.draw --format=csv
    fi
}

profiles() {
    mkdir -p "$2/profiles"
    environment >"$2/profiles/environment.txt"
    for net in $nets; do
        "$offramp" profile "$net" --device "$1" --classes 2 --batch $batches --samples 20 --path-samples 90 \
            -o "$2/profiles/$net.oprof"
    done
}

probes() {
    mkdir -p "$2/probes"
    environment >"$2/probes/environment.txt"
    for net in $nets; do
        "$offramp" profile probe "$2/profiles/$net.oprof" --device "$1" -o "$2/probes/$net.oprof"
    done
}

# pass PROFILE SIZE: microseconds of a whole pass
pass() {
    "$offramp" profile info "$1" --json | tr -d ' \n' | grep -o "\"batch\":$2,.*" | grep -o '"pass_us":\[[0-9.]*' |
        head -1 | cut -d[ -f2
}
per_second() { awk -v share="$1" -v rows="$2" -v us="$3" 'BEGIN { printf "%.0f/s", share * rows * 1e6 / us }'; }

# scenario FOLDER NET NAME ARRIVALS BATCHING POLICY [LINE]
scenario() {
    mkdir -p "$1/$2-$3"
    cat >"$1/$2-$3/scenario.yaml" <<YAML
name: $2-$3
model:     {profile: ../profiles/$2.oprof, recording: $(realpath --relative-to="$1/$2-$3" "$(recording_of "$2")"), noise: samples}
arrivals:  {$4}
requests:  $requests
batching:  {$5}
exits:     {policy: $6}
seed:      1
${7:-}
YAML
    sed -i '/^$/d' "$1/$2-$3/scenario.yaml"
}

# arrivals FOLDER NET RATE TRACE: when the requests of a trace in a loop at that rate come, as a trace
arrivals() {
    local work
    work=$(mktemp -d)
    scenario "$work" "$2" azure "process: trace, trace: $(realpath "$4"), rate: $3, loop: true" "policy: fifo" vanilla
    mkdir -p "$1/$2-azure"
    "$offramp" sim "$work/$2-azure/scenario.yaml" --set "model.profile=$(realpath "$1/profiles/$2.oprof")" --log "$work/run.olog" >/dev/null
    "$offramp" log print "$work/run.olog" | awk -F, 'NR == 1 { print "id,arrival_ns" } NR > 1 { print $1 "," $2 | "sort -n" }' >"$work/arrivals.csv"
    local program # named as anybody's is in what the trace says of its origin, and its files likewise
    program=$(realpath "$(command -v "$offramp")")
    (cd "$work" && PATH=${program%/*}:$PATH "${program##*/}" trace import csv arrivals.csv --time arrival_ns --unit ns -o arrivals.otrace 2>/dev/null)
    mv "$work/arrivals.otrace" "$1/$2-azure/arrivals.otrace"
    rm -rf "$work"
}

# azure FOLDER NET RATE TRACE BATCHING POLICY [LINE]
azure() {
    arrivals "$1" "$2" "$3" "$4"
    scenario "$1" "$2" azure "process: trace, trace: arrivals.otrace" "$5" "$6" "${7:-}"
    sed -i "1i # arrivals.otrace: $(basename "$4" .otrace) in a loop at a mean rate of $3" "$1/$2-azure/scenario.yaml"
}

# Knee and overload: 80 % and 120 % of what batches of the largest size could take. Triton and clockwork: 40 %, and
# 30 % with VGG-16, whose batches of one, hardly slower a request, would be saturated at 40 %. Idle: the server would be busy the
# share IDLE of the time with batches of one.
scenarios() {
    local fifo="policy: fifo, max_batch: 16" half budget apparate share
    local -A knee over
    for net in $nets; do
        local profile=$1/profiles/$net.oprof
        recording_of "$net" >/dev/null
        [ -r "$profile" ] || fail "found no $profile, expected one from \`make.sh profiles\`"
        knee[$net]=$(per_second 0.8 16 "$(pass "$profile" 16)") over[$net]=$(per_second 1.2 16 "$(pass "$profile" 16)")
        share=0.4 && [ "$net" = vgg16 ] && share=0.3
        half=$(per_second $share 16 "$(pass "$profile" 16)")
        budget=2% && [ "$net" = resnet18 ] && budget=5% # 2 % of so small a network pay for no ramp
        apparate="apparate, ramp_budget: $budget"
        scenario "$1" "$net" knee "process: poisson, rate: ${knee[$net]}" "$fifo" "$apparate"
        scenario "$1" "$net" overload "process: poisson, rate: ${over[$net]}" "$fifo" "$apparate"
        scenario "$1" "$net" vanilla-knee "process: poisson, rate: ${knee[$net]}" "$fifo" vanilla
        case $net in
            resnet18 | bert-base) scenario "$1" "$net" triton "process: poisson, rate: $half" "policy: triton, max_batch: 16" "$apparate" ;;
            *) scenario "$1" "$net" clockwork "process: poisson, rate: $half" "policy: clockwork, max_batch: 16" "$apparate" "slo: 20ms" ;;
        esac
        case ${2:+$net} in
            bert-base) azure "$1" "$net" "$half" "$2" "policy: triton, max_batch: 16" "$apparate" ;;
            resnet50) azure "$1" "$net" "$half" "$2" "policy: clockwork, max_batch: 16" "$apparate" "slo: 20ms" ;;
        esac
    done
    share=${IDLE:-0.3333}
    [ -z "${3:-}" ] || share=$(share_within "$1" "$3")
    for net in $nets; do
        budget=2% && [ "$net" = resnet18 ] && budget=5%
        scenario "$1" "$net" idle "process: poisson, rate: $(per_second "$share" 1 "$(pass "$1/profiles/$net.oprof" 1)")" "$fifo" "apparate, ramp_budget: $budget"
    done
    echo "make.sh: idle keeps the server busy $(awk "BEGIN { print $share * 100 }") % of the time with batches of one" >&2
}

# Seconds of a round: what the simulation says of each scenario, and a start for each. EXCEPT: names to leave out.
round_seconds() { # FOLDER [EXCEPT]
    local start=1.6 file # measured on a machine with an H100
    [ ! -e "$1/start" ] || start=$(cat "$1/start")
    for file in "$1"/*/scenario.yaml; do
        [[ -z ${2:-} || $file != *$2/scenario.yaml ]] || continue
        "$offramp" sim "$file" | awk -v start="$start" '/^throughput/ { print $(NF - 1) + start }'
    done | awk '{ sum += $1 } END { printf "%.1f\n", sum }'
}

# The share of time that idle scenarios may keep the server busy, so that five rounds fit: at least a tenth.
share_within() { # FOLDER SECONDS
    local start=1.6 whole=0 others net
    [ ! -e "$1/start" ] || start=$(cat "$1/start")
    others=$(round_seconds "$1" -idle)
    for net in $nets; do
        whole=$(awk -v whole="$whole" -v us="$(pass "$1/profiles/$net.oprof" 1)" -v requests=$requests -v start="$start" \
            'BEGIN { print whole + us * requests / 1e6 }')
    done
    awk -v room="$(awk "BEGIN { print $2 / 5 - $others - $start * $(wc -w <<<"$nets") }")" -v whole="$whole" 'BEGIN {
        if (room <= whole) { print "make.sh: too few seconds for replays of idle scenarios" >"/dev/stderr"; exit 1 }
        share = whole / room
        if (share < 0.1) share = 0.1
        printf "%.3f\n", share }'
}

estimate() { # FOLDER [N]
    local round
    is_number "${2:-5}" || fail "found '$2' rounds, expected a number"
    some_scenario "$1"
    round=$(round_seconds "$1")
    awk -v round="$round" -v n="${2:-5}" 'BEGIN { printf "make.sh: %d rounds of %.0f s, %.0f s\n", n, round, n * round }'
}

# A short replay of each network; a scenario takes this beside the time of its own requests.
start() { # DEVICE FOLDER
    local net took began
    for net in $nets; do
        began=$(date +%s.%N)
        "$offramp" replay "$2/$net-knee/scenario.yaml" --device "$1" --set requests=200 ${REPLAY_FLAGS:-} >/dev/null || [ $? -eq 1 ] # INVALID is no matter
        took=$(awk "BEGIN { printf \"%.2f\", $(date +%s.%N) - $began }")
        echo "make.sh: a short replay of $net takes $took s" >&2
        echo "$took"
    done | awk '{ sum += $1 } END { printf "%.2f\n", sum / NR }' >"$2/start"
}

replay() { # DEVICE FOLDER NUMBER
    rm -f "$2/replay-$3.olog" # of an earlier machine: what is there is of this call
    "$offramp" replay "$2/scenario.yaml" --device "$1" ${REPLAY_FLAGS:-} --log "$2/replay-$3.olog" >"$2/replay-$3.txt"
}

replays() {
    local failed=0 began=$SECONDS rounds=${3:-5}
    [[ $rounds == *-* ]] || rounds=1-$rounds
    if ! is_number "${rounds%-*}" || ! is_number "${rounds#*-}" || [ "${rounds%-*}" -gt "${rounds#*-}" ]; then
        fail "found the rounds '$3', expected their number or A-B"
    fi
    is_number "${4:-1}" || fail "found '$4' seconds, expected a whole number"
    some_scenario "$2"
    [ "${rounds%-*}" != 1 ] || rm -f "$2/environment.txt"
    { echo "rounds $rounds" && environment; } >>"$2/environment.txt"
    for round in $(seq "${rounds%-*}" "${rounds#*-}"); do
        for file in "$2"/*/scenario.yaml; do
            local folder=${file%/*}
            if [ $((SECONDS - began)) -gt "${4:-1000000}" ]; then
                echo "make.sh: out of time before replay $round of $folder" >&2
                return 1
            fi
            # A run may be INVALID by a moment's disturbance of the machine: once more, and no third time.
            replay "$1" "$folder" "$round" || replay "$1" "$folder" "$round" || {
                echo "make.sh: $folder, replay $round failed" >&2
                failed=1
            }
        done
        echo "make.sh: round $round done after $((SECONDS - began)) s" >&2
    done
    return $failed
}

# keep FOLDER [BYTES]
keep() {
    local folder log logs number kept=0 verified=0 bytes failed=0
    is_number "${2:-1}" || fail "found '$2' bytes, expected a whole number"
    some_scenario "$1"
    for folder in "$1"/*/; do
        folder=${folder%/} number=0
        [ -e "$folder/scenario.yaml" ] || continue
        mapfile -t logs < <(printf '%s\n' "$folder"/replay-*.olog | sort -V) # so that a name is given again only once its log is gone
        for log in "${logs[@]}"; do
            [ -e "$log" ] || { echo "make.sh: $folder has no replay" >&2; failed=1; break; }
            "$offramp" log info "$log" >"$folder/info"
            if ! grep -q '^valid  *yes' "$folder/info"; then
                echo "make.sh: $log is no VALID run, left out" >&2
                rm -f "$log" "${log%.olog}.txt"
                continue
            fi
            number=$((number + 1))
            if ! grep -q '^compact ' "$folder/info"; then
                # The decisions, from the log's own times: what a simulation is off by is time, or this fails.
                # A log that fails stays whole, as do those after it.
                if ! "$offramp" verify "$log" >"$folder/verified"; then
                    echo "make.sh: $log is not what its own times decide, or cannot be verified: $folder is left as it is from there" >&2
                    number=$((number - 1)) failed=1
                    break
                fi
                sed 's/^[^:]*: /verified     /' "$folder/verified" >>"${log%.olog}.txt"
                verified=$((verified + 1))
                "$offramp" log compact "$log" -o "$folder/compact" --grain "${GRAIN:-256ns}"
                rm "$log"
                mv "$folder/compact" "$folder/replay-$number.olog"
            elif [ "$log" != "$folder/replay-$number.olog" ]; then
                mv "$log" "$folder/replay-$number.olog"
            fi
            if [ -e "${log%.olog}.txt" ]; then
                [ $number -gt 1 ] || : >"$folder/summary.txt"
                echo "replay $number" >>"$folder/summary.txt"
                sed '/^$/d; /^exits per site/,/^replay on/{/^replay on/!d}; /^device /,/^samples/d' "${log%.olog}.txt" >>"$folder/summary.txt"
                rm "${log%.olog}.txt"
            fi
        done
        rm -f "$folder/info" "$folder/verified"
        kept=$((kept + number))
        [ $number -ge 5 ] || { echo "make.sh: $folder has $number replays, expected 5" >&2; failed=1; }
    done
    bytes=$(find "$1" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum + 0 }')
    [ $verified -eq 0 ] || echo "make.sh: $verified logs verified"
    echo "make.sh: $kept logs, $bytes bytes with all that stands beside them"
    [ "$bytes" -lt "${2:-6000000}" ] || { echo "make.sh: expected fewer than ${2:-6000000} bytes" >&2; failed=1; }
    return $failed
}

case ${1:-} in
    profiles) profiles "${2:?DEVICE}" "${3:?FOLDER}" ;;
    probes) probes "${2:?DEVICE}" "${3:?FOLDER}" ;;
    start) start "${2:?DEVICE}" "${3:?FOLDER}" ;;
    scenarios) scenarios "${2:?FOLDER}" "${3:-}" "${4:-}" ;;
    estimate) estimate "${2:?FOLDER}" "${3:-}" ;;
    replays) replays "${2:?DEVICE}" "${3:?FOLDER}" "${4:-}" "${5:-}" ;;
    keep) keep "${2:?FOLDER}" "${3:-}" ;;
    *)
        sed -n '2,/^set /{/^set /!p}' "$0" | cut -c3- >&2
        exit 2
        ;;
esac
