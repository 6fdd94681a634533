#!/usr/bin/env bash
# Evidence for one's own GPU, in three steps (docs/how-far-to-trust.md):
#   make.sh profiles DEVICE FOLDER            measures the networks into FOLDER/profiles
#   make.sh scenarios FOLDER [TRACE.otrace]   writes FOLDER/NAME/scenario.yaml, rates by what the profiles can do
#   make.sh replays DEVICE FOLDER [N] [SECONDS]   replays each N times (5), in N rounds; begins none after SECONDS
# Between the first step and the last the machine should have been started anew: a profile has to predict runs it was
# not measured beside. NETS, RECORDINGS, OFFRAMP: other networks, other folders of recordings, another program.
set -euo pipefail
offramp=${OFFRAMP:-build/release/offramp}
nets=${NETS:-resnet18 resnet50 vgg16 bert-base}
recordings=${RECORDINGS:-analysis/evidence/inputs workloads/data}
batches=1,2,4,8,16 requests=10000

recording_of() {
    local name folder
    case $1 in
        resnet18*) name=resnet18-vehicle-video ;;
        resnet50) name=resnet50-vehicle-video ;;
        vgg16) name=vgg16-made-up ;;
        bert-base) name=bert12-imdb-shuffled ;;
        *) echo "make.sh: no recording for the network $1" >&2; exit 2 ;;
    esac
    for folder in $recordings; do
        if [ -e "$folder/$name.orec" ]; then
            echo "$folder/$name.orec"
            return
        fi
    done
    echo "make.sh: found no $name.orec in: $recordings" >&2
    exit 2
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

# pass PROFILE SIZE: microseconds of a whole pass
pass() {
    "$offramp" profile info "$1" --json | tr -d ' \n' | grep -o "\"batch\":$2,.*" | grep -o '"pass_us":\[[0-9.]*' |
        head -1 | cut -d[ -f2
}
per_second() { awk -v share="$1" -v rows="$2" -v us="$3" 'BEGIN { printf "%.0f/s", share * rows * 1e6 / us }'; }

# scenario FOLDER NET NAME ARRIVALS BATCHING POLICY
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
YAML
}

# Idle: the server would be busy a third of the time with batches of one. Knee and overload: 80 % and 120 % of what
# batches of the largest size could take.
scenarios() {
    local fifo="policy: fifo, max_batch: 16" idle knee over half budget apparate
    for net in $nets; do
        local profile=$1/profiles/$net.oprof
        recording_of "$net" >/dev/null
        [ -r "$profile" ] || { echo "make.sh: found no $profile, expected one from \`make.sh profiles\`" >&2; exit 2; }
        idle=$(per_second 0.3333 1 "$(pass "$profile" 1)") knee=$(per_second 0.8 16 "$(pass "$profile" 16)")
        over=$(per_second 1.2 16 "$(pass "$profile" 16)") half=$(per_second 0.4 16 "$(pass "$profile" 16)")
        budget=2% && [ "$net" = resnet18 ] && budget=5% # 2 % of so small a network pay for no ramp
        apparate="apparate, ramp_budget: $budget"
        scenario "$1" "$net" idle "process: poisson, rate: $idle" "$fifo" "$apparate"
        scenario "$1" "$net" knee "process: poisson, rate: $knee" "$fifo" "$apparate"
        scenario "$1" "$net" overload "process: poisson, rate: $over" "$fifo" "$apparate"
        scenario "$1" "$net" vanilla-knee "process: poisson, rate: $knee" "$fifo" vanilla
        case $net in
            resnet18 | bert-base) scenario "$1" "$net" triton "process: poisson, rate: $half" "policy: triton, max_batch: 16" "$apparate" ;;
            *) scenario "$1" "$net" clockwork "process: poisson, rate: $half" "policy: clockwork, max_batch: 16" "$apparate"
                sed -i 's/^batching/slo:       20ms\nbatching/' "$1/$net-clockwork/scenario.yaml" ;;
        esac
        [ "${2:-}" ] || continue
        case $net in
            bert-base) scenario "$1" "$net" azure "process: trace, trace: $(realpath --relative-to="$1/$net-azure" "$2"), rate: $half, loop: true" "policy: triton, max_batch: 16" "$apparate" ;;
            resnet50) scenario "$1" "$net" azure "process: trace, trace: $(realpath --relative-to="$1/$net-azure" "$2"), rate: $half, loop: true" "policy: clockwork, max_batch: 16" "$apparate"
                sed -i 's/^batching/slo:       20ms\nbatching/' "$1/$net-azure/scenario.yaml" ;;
        esac
    done
}

replays() {
    local failed=0 began=$SECONDS
    environment >"$2/environment.txt"
    for round in $(seq "${3:-5}"); do
        for file in "$2"/*/scenario.yaml; do
            local folder=${file%/*}
            if [ $((SECONDS - began)) -gt "${4:-1000000}" ]; then
                echo "make.sh: out of time before replay $round of $folder" >&2
                return 1
            fi
            "$offramp" replay "$file" --device "$1" --log "$folder/replay-$round.olog" >"$folder/replay-$round.txt" || {
                echo "make.sh: $folder, replay $round failed" >&2
                failed=1
            }
        done
    done
    return $failed
}

case ${1:-} in
    profiles) profiles "${2:?DEVICE}" "${3:?FOLDER}" ;;
    scenarios) scenarios "${2:?FOLDER}" "${3:-}" ;;
    replays) replays "${2:?DEVICE}" "${3:?FOLDER}" "${4:-}" "${5:-}" ;;
    *)
        sed -n '2,7p' "$0" | cut -c3- >&2
        exit 2
        ;;
esac
