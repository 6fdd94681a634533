#!/usr/bin/env bash
# What the CUDA device shows on a machine with a Hopper GPU, as text in a folder; ends within ten minutes.
#
#   replay/check_gpu.sh PROGRAM FOLDER [MODELS [TRACE]]
#
# PROGRAM: build/release/replay/cuda/offramp_check_gpu; OFFRAMP: the tool itself, build/release/offramp beside it unless
# set. MODELS: a folder with resnet18-cifar10.safetensors and resnet18-cifar10-sample; TRACE: an .otrace (the Azure
# conversation trace, imported). python3 with PyTorch gives the peer's times. What is missing is left out, with the part
# that needs it, and summary.txt says so.
#
# Exit 1 when
#   - a step fails or takes longer than its limit;
#   - a kernel is farther from its twin on the processor, or a logit of a network from the cpu device's, than its bound
#     (other answers are only counted);
#   - the trained network's logits or answers are farther from their reference than their bounds (with MODELS);
#   - compute-sanitizer finds an error or a hazard; a full memory or a lost device is not told in one line;
#   - one of the ten networks is not faster than PyTorch's fastest way at one of the seven batch sizes, or a row of that
#     table is missing (with PyTorch);
#   - a replay of a minute at 70 % of what batches of 16 can take, by a profile made right before it, is INVALID, shorter
#     or not what `offramp verify` finds in its log: ResNet-50 on Poisson arrivals, BERT-base on TRACE at that mean rate
#     (held back for batches of 16: without, the device never idles and after a minute of BERT meets its power cap, which
#     makes the replay INVALID).
# Only printed, whatever they are: one ramp alone (wanted: 4 us at batch 1), three forked ramps (1 % at batch 1, 2 % at
# batch 16) and what of them delays a pass, from a decision to the host's sight of it (5 us, 99th percentile 20 us), copies and dispatch.
set -uo pipefail
export LC_ALL=C # awk reads and writes numbers with a point
program=$1 out=$2 models=${3:-} trace=${4:-} here=$(dirname "$0") failed=0
offramp=$(realpath "${OFFRAMP:-$(dirname "$program")/../../offramp}")
mkdir -p "$out"
cd "$out" || exit 3
here=$(cd "$OLDPWD" && cd "$here" && pwd) program=$(cd "$OLDPWD" && realpath "$program")
[ -n "$models" ] && models=$(cd "$OLDPWD" && realpath "$models")
[ -n "$trace" ] && trace=$(cd "$OLDPWD" && realpath "$trace")
# Profiles and logs note command and scenario: without the folders of this machine.
PATH=$(dirname "$offramp"):$PATH
tool=$(basename "$offramp")
nets="resnet18 resnet50 resnet101 vgg11 vgg13 vgg16 distilbert-base bert-base bert-large gpt2-medium"
batches="1 2 4 8 16 32 64"
nvidia-smi --query-gpu=name,driver_version,clocks.sm,clocks.mem,temperature.gpu --format=csv >device.txt
: >summary.txt
begin=$SECONDS

# step NAME LIMIT COMMAND...: runs it into NAME.txt, says in summary.txt how it ended.
step() {
    local name=$1 limit=$2 status since=$SECONDS
    shift 2
    timeout "$limit" "$@" >"$name.txt" 2>&1
    status=$?
    echo "$name: exit $status after $((SECONDS - since)) s" >>summary.txt
    return $status
}

# Right or wrong does not depend on who else uses the GPU: all at once.
export OMP_WAIT_POLICY=passive
pids=()
start() { step "$@" & pids+=($!); }
start kernels 100 "$program" kernels
if [ -n "$models" ]; then
    start images 100 "$program" images "$models/resnet18-cifar10.safetensors" "$models/resnet18-cifar10-sample"
else
    echo "images: left out, no MODELS given" >>summary.txt
fi
start memcheck 170 compute-sanitizer --tool memcheck --error-exitcode 9 "$program" kernels
start memcheck-graph 170 compute-sanitizer --tool memcheck --error-exitcode 9 "$program" compare bert-tiny 5 13
start racecheck 170 compute-sanitizer --tool racecheck --error-exitcode 9 "$program" kernels small
for case in "resnet18 10 64" "resnet50 1000 64" "resnet101 10 32" "vgg11 10 32" "vgg13 10 64" "vgg16 1000 32" \
    "distilbert-base 64 128" "bert-base 64 37" "bert-large 64 33" "gpt2-medium 64 130" "gpt2-medium 2 128"; do
    # shellcheck disable=SC2086
    start "compare-${case// /-}" 120 "$program" compare $case
done
for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
step failures 60 "$program" failures || failed=1 # by itself: it takes all memory
cat compare-*.txt >compare.txt && rm compare-*.txt
echo "checks ended after $((SECONDS - begin)) s" >>summary.txt

# Times one by one.
: >time.txt
for net in $nets; do
    step one 60 "$program" time "$net" || failed=1
    sed -i "s/^one:/time $net:/" summary.txt
    cat one.txt >>time.txt
done
rm one.txt
: >delay.txt
for case in "resnet18 1" "resnet18 16" "resnet50 1" "resnet50 16" "vgg16 1" "vgg16 16" "bert-base 1" "bert-base 16"; do
    # shellcheck disable=SC2086
    step one 60 "$program" delay $case || failed=1
    sed -i "s/^one:/delay $case:/" summary.txt
    cat one.txt >>delay.txt
done
rm one.txt
if python3 -c 'import torch' 2>/dev/null; then
    step peer 200 python3 "$here/peer_pytorch.py" --seconds 170 || failed=1
    step ratio 20 python3 "$here/peer_table.py" time.txt peer.txt "$nets" "$batches" || failed=1
else
    echo "peer: left out, no PyTorch" >>summary.txt
fi
near() { realpath --relative-to=. "$1"; }
# minute NAME NET RECORDING ARRIVALS BATCHING: a profile, and a minute of replay at 70 % of what it says that batches of 16
# can take; RATE in ARRIVALS is that rate.
minute() {
    local name=$1 pass_us rate
    step "profile-$name" 90 "$tool" profile "$2" --device cuda:0 --classes 2 --batch 1,2,4,8,16 --samples 20 \
        --path-samples 54 -o "$name.oprof" || return 1
    pass_us=$("$tool" profile info "$name.oprof" --json | tr -d ' \n' | grep -o '"batch":16,.*' |
        grep -o '"pass_us":\[[0-9.]*' | head -1 | cut -d[ -f2)
    rate=$(awk -v us="$pass_us" 'BEGIN { printf "%.0f", 0.7 * 16 * 1e6 / us }')
    [ "$rate" -gt 0 ] || return 1
    echo "$name: a pass of 16 takes $pass_us us, so 16 / pass = $((rate * 10 / 7))/s; 70 % of it: $rate/s" >>summary.txt
    cat >"$name.yaml" <<YAML
name: $name
model:     {profile: $name.oprof, recording: $3}
arrivals:  {${4/RATE/$rate\/s}}
duration:  61s
batching:  {$5, max_batch: 16}
exits:     {policy: apparate, ramp_budget: 2%}
seed:      1
YAML
    step "replay-$name" 100 "$tool" replay "$name.yaml" --device cuda:0 --min-duration 60s --log "$name-whole.olog" \
        --json || return 1
    step "verify-$name" 60 "$tool" verify "$name-whole.olog" || return 1
    "$tool" log compact "$name-whole.olog" -o "$name.olog" --grain 2048ns && rm "$name-whole.olog"
}
if [ -x "$offramp" ]; then
    minute resnet50-video resnet50 "$(near "$here/../analysis/evidence/inputs/resnet50-vehicle-video.orec")" \
        "process: poisson, rate: RATE" "policy: fifo" || failed=1
    if [ -n "$trace" ]; then
        minute bert-base-azure bert-base "$(near "$here/../workloads/data/bert12-imdb-shuffled.orec")" \
            "process: trace, trace: $(near "$trace"), rate: RATE, loop: true" "policy: triton, max_queue_delay: 2ms" ||
            failed=1
    else
        echo "bert-base-azure: left out, no TRACE given" >>summary.txt
    fi
else
    echo "minutes of replay: left out, no program $offramp" >>summary.txt
fi
nvidia-smi --query-gpu=clocks.sm,clocks.mem,temperature.gpu --format=csv >>device.txt
echo "all ended after $((SECONDS - begin)) s, exit $failed" >>summary.txt
exit $failed
