# Thin front to CMake: each target installs what is missing, configures, builds and runs.
BUILD := build/release
CONFIGURE_FLAGS ?=

.PHONY: all deps build demo test bench clean

all: build

deps:
	@.ci/deps

build: deps
	@cmake --preset release $(CONFIGURE_FLAGS) --log-level=WARNING
	@cmake --build --preset release

demo: build
	@$(BUILD)/offramp sim workloads/scenarios/demo.yaml --beside vanilla,oracle

test: build
	@ctest --preset release

bench: build
	@status=0; for bench in $(BUILD)/tests/bench_*; do "$$bench" || status=1; echo; done; exit $$status

clean:
	rm -rf build
