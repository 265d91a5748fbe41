# SPDX-License-Identifier: MIT
#
# The few commands a person types; CMakePresets.json has the builds.

LUA ?= lua5.4
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
SANITIZERS = asan tsan tsan-marks
MAKEFLAGS += --no-print-directory

build: ready
	cmake --preset release
	cmake --build --preset release -j $(JOBS) --target core

help:
	@echo 'make             builds the library in build/release'
	@echo 'make demo        counts words on all processors, without'
	@echo '                 installing anything; FOLDER=... says where'
	@echo 'make test        runs all tests'
	@echo 'make sanitizers  runs them again under ASan, UBSan and TSan'
	@echo 'make stress      the threads again, for SECONDS a program (60);'
	@echo '                 SEED=... repeats a run'
	@echo 'make models      checks the models of the engine; BOUND=large takes hours'
	@echo 'make memcheck    runs the tests under valgrind; ONLY=... chooses them'
	@echo 'make bench       measures, beside other libraries and floors; ONLY=...'
	@echo '                 chooses rows, JSON=... keeps all samples'
	@echo 'make bench-quick measures less'
	@echo 'make install     installs below PREFIX ($(PREFIX)); DESTDIR works'
	@echo 'make clean       removes build'

demo: build
	LUA_PATH="$(CURDIR)/lua/?.lua;;" \
	LUA_CPATH="$(CURDIR)/build/release/?.so;;" \
	$(LUA) examples/worker_pool.lua $(if $(FOLDER),"$(FOLDER)")

sanitizers: $(SANITIZERS)

test: BUILD = release
$(SANITIZERS): BUILD = $@
test $(SANITIZERS): ready-to-test
	cmake --preset $(BUILD)
	cmake --build --preset $(BUILD) -j $(JOBS)
	ctest --preset $(BUILD) -j $(JOBS)

# Each C program with its loops SECONDS long, then the specs that take a length.
SECONDS ?= 60

stress: ready-to-test
	cmake --preset release
	cmake --build --preset release -j $(JOBS)
	for program in build/release/tests/test_*; do \
	  STRESS_SECONDS=$(SECONDS) $$program || exit 1; done
	LLTHREADS2_STRESS=$(SECONDS) \
	LUA_PATH="$(CURDIR)/lua/?.lua;$(CURDIR)/?.lua;;" \
	LUA_CPATH="$(CURDIR)/build/release/?.so;;" \
	$(LUA) "$$(command -v busted)" --helper=spec/support/harness.lua \
	  -o plainTerminal --pattern=channel spec

# The measurements. ONLY='channels: 1' chooses rows, and JSON=file keeps all
# samples. LLTHREADS2_PEER is explained in docs/benchmarks.md.
bench-quick: QUICK = --quick
bench bench-quick: ready-to-bench
	cmake --preset release
	cmake --build --preset release -j $(JOBS) --target bench
	LUA_PATH="$(CURDIR)/lua/?.lua;$(CURDIR)/?.lua;$${LUA_PATH:-;}" \
	LUA_CPATH="$(CURDIR)/build/release/?.so;$${LUA_CPATH:-;}" \
	$(LUA) bench/run.lua $(QUICK) $(if $(ONLY),--only '$(ONLY)') \
	  $(if $(JSON),--json '$(JSON)')

# All tests, without those that say why not; takes about an hour.
memcheck: ready-to-test
	cmake --preset release
	cmake --build --preset release -j $(JOBS)
	sh tests/memcheck/run.sh $(CURDIR)/build/release $(ONLY)

# The models of the engine, explored to the end: tests/models/check.lua.
models: ready-to-test
	$(LUA) tests/models/check.lua $(BOUND)

install: build
	cmake --install build/release --prefix "$(PREFIX)"

clean:
	rm -rf build

ready:
	@sh tools/setup.sh

ready-to-test:
	@sh tools/setup.sh test

ready-to-bench:
	@sh tools/setup.sh bench

.PHONY: build help demo test sanitizers $(SANITIZERS) stress memcheck models bench \
  bench-quick install clean ready ready-to-test ready-to-bench
