#!/usr/bin/env bash
# What the CUDA device shows on a machine with a GPU: every network against the cpu device on the same weights, clean
# under compute-sanitizer, times. Usage: replay/check_gpu.sh PROGRAM FOLDER   (build/cuda/replay/cuda/offramp_check_gpu)
set -uo pipefail
program=$1 out=$2 failed=0
mkdir -p "$out"
nvidia-smi --query-gpu=name,driver_version,clocks.sm,clocks.mem,temperature.gpu --format=csv >"$out/device.txt"
: >"$out/compare.txt"
for case in "resnet18 10 64" "resnet50 1000 64" "resnet101 10 32" "vgg11 10 32" "vgg13 10 64" "vgg16 1000 32" \
    "distilbert-base 64 128" "bert-base 64 37" "bert-large 64 33" "gpt2-medium 64 130"; do
    # shellcheck disable=SC2086
    timeout 90 "$program" compare $case >>"$out/compare.txt" 2>&1 || failed=1
done
for tool in memcheck racecheck; do
    timeout 120 compute-sanitizer --tool $tool "$program" compare resnet18 10 32 >"$out/$tool.txt" 2>&1 || failed=1
done
: >"$out/time.txt"
for net in resnet18 resnet50 resnet101 vgg11 vgg13 vgg16 distilbert-base bert-base bert-large gpt2-medium; do
    timeout 60 "$program" time $net >>"$out/time.txt" 2>&1 || failed=1
done
exit $failed
