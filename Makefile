# Thin front to CMake: each target installs what is missing, configures, builds and runs.
BUILD := build/release
CONFIGURE_FLAGS ?=

.PHONY: all deps deps-test build tool demo demo-replay sweep-demo test bench guards paper picture install package fidelity clean

all: build

deps:
	@.ci/deps

deps-test:
	@.ci/deps test

build: deps
	@cmake --preset release $(CONFIGURE_FLAGS) --log-level=WARNING
	@cmake --build --preset release

# The program alone: what a first look needs.
tool: deps
	@cmake --preset release $(CONFIGURE_FLAGS) --log-level=WARNING
	@cmake --build --preset release --target offramp_cli

demo: tool
	@$(BUILD)/offramp sim workloads/scenarios/demo.yaml --beside vanilla,oracle

# In real time and without a GPU: a small network measured on this machine's processors, a few seconds of the demo's
# traffic through it, then every decision again from the log.
demo-replay: tool
	@$(BUILD)/offramp profile resnet18-small --device cpu --batch 1,2,4,8,16 --samples 20 -o $(BUILD)/demo-replay.oprof
	@$(BUILD)/offramp replay workloads/scenarios/demo.yaml --device cpu --net resnet18-small --max-lateness 50ms \
		--set model.profile=$(BUILD)/demo-replay.oprof --set model.ramp=none --set arrivals.rate=500/s \
		--set exits=apparate --set requests=3000 --log $(BUILD)/demo-replay.olog
	@$(BUILD)/offramp verify $(BUILD)/demo-replay.olog

# 1,000 configurations of 100,000 requests on all processors, and what they say: the Pareto table.
sweep-demo: tool
	@rm -rf $(BUILD)/sweep-demo
	@$(BUILD)/offramp sweep workloads/sweeps/demo.yaml -o $(BUILD)/sweep-demo

test: deps-test build
	@ctest --preset release

bench: build
	@status=0; for bench in $(BUILD)/tests/bench_*; do "$$bench" || status=1; echo; done; exit $$status

# Agreement and saving of apparate under each guard; fails where the default guard misses a bar.
guards: build
	@analysis/guard_table.sh --check || [ $$? -eq 77 ]
	@analysis/guard_made.sh --check

# Apparate's evaluation again: every recording under every policy, into analysis/paper.md.
paper: build
	@analysis/paper.sh >$(BUILD)/paper.md && mv $(BUILD)/paper.md analysis/paper.md

# The README's picture again.
picture: tool
	@analysis/picture.sh $(BUILD)/offramp docs/demo.svg

PREFIX ?= /usr/local
install: build
	@cmake --install $(BUILD) --prefix $(PREFIX)

# A Debian package, build/package/offramp_VERSION_ARCH.deb.
package: deps
	@cmake --preset package --log-level=WARNING
	@cmake --build --preset package --target package

# The simulator against the replays in analysis/evidence: table and figure again.
fidelity: build
	@analysis/evidence/report.sh --offramp $(BUILD)/offramp && cat analysis/evidence/fidelity.md

clean:
	rm -rf build
