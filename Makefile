# SPDX-License-Identifier: MIT
#
# The few commands a person types; CMakePresets.json has the builds.

# The Lua to build for: 5.1, 5.2, 5.3, 5.4 or luajit.
LUA ?= 5.4
LUAS = 5.1 5.2 5.3 5.4 luajit
# Its interpreter, which finds the modules, and its build: CMakePresets.json.
INTERPRETER = $(patsubst lualuajit,luajit,lua$(LUA))
RELEASE = $(patsubst lua5.4,release,$(INTERPRETER))
RUN = LUA_PATH="$(CURDIR)/lua/?.lua;$(CURDIR)/?.lua;$${LUA_PATH:-;}" \
  LUA_CPATH="$(CURDIR)/build/$(RELEASE)/?.so;$${LUA_CPATH:-;}" $(INTERPRETER)
BUSTED = $(RUN) "$$(command -v busted)" --helper=spec/support/harness.lua \
  -o plainTerminal
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
# Much of the time of a build is spent between the compilers; Ninja saves it.
export CMAKE_GENERATOR ?= $(if $(shell command -v ninja),Ninja,Unix Makefiles)
SANITIZERS = asan tsan tsan-marks
MAKEFLAGS += --no-print-directory

build: ready
	cmake --preset $(RELEASE)
	cmake --build --preset $(RELEASE) -j $(JOBS) --target core

help:
	@echo 'make             builds the library in build/release; LUA=5.1, 5.2, 5.3'
	@echo '                 or luajit, here and below, for another than Lua 5.4'
	@echo 'make demo        counts words on all processors, without'
	@echo '                 installing anything; FOLDER=... says where'
	@echo 'make test        runs all tests'
	@echo 'make specs       runs the specs alone'
	@echo 'make test-all    runs them for each Lua'
	@echo 'make sanitizers  runs them again under ASan, UBSan and TSan'
	@echo 'make lint        looks for what is wrong, or not formatted, in all C'
	@echo 'make clang       runs the C tests, compiled by another compiler'
	@echo 'make aarch64     runs those of the engine, for another processor, emulated'
	@echo 'make stress      the threads again, for SECONDS a program (60);'
	@echo '                 SEED=... repeats a run'
	@echo 'make fuzz        looks for bytes and values that break the codec, for'
	@echo '                 SECONDS (60); SEED=... as above'
	@echo 'make oom         lets each allocation fail, one after the other'
	@echo 'make soak        everything at random for SECONDS (60), with a ledger of'
	@echo '                 every message; SEED=..., ROUND=... repeat, BUILD=asan'
	@echo '                 or tsan runs it under a sanitizer'
	@echo 'make models      checks the models of the engine; BOUND=large takes hours'
	@echo 'make memcheck    runs the tests under valgrind; ONLY=... chooses them'
	@echo 'make schedules   runs the engine under all schedules of small'
	@echo '                 scenarios, and at random for SECONDS, or SCHEDULES of'
	@echo '                 them; SEED=... repeats a run'
	@echo 'make coverage    counts which lines of the library the tests reach, and'
	@echo '                 fails if one that they do not has no reason'
	@echo 'make bench       measures, beside other libraries and floors; ONLY=...'
	@echo '                 chooses rows, JSON=... keeps all samples'
	@echo 'make bench-quick measures less'
	@echo 'make install     installs below PREFIX ($(PREFIX)); DESTDIR works'
	@echo 'make clean       removes what has been built'

demo: build
	$(RUN) examples/worker_pool.lua $(if $(FOLDER),"$(FOLDER)")

sanitizers: $(SANITIZERS)

# The tests of the engine again: by another compiler, for another processor.
PORTS = clang aarch64
aarch64: fetch-aarch64

test: BUILD = $(RELEASE)
$(SANITIZERS) $(PORTS): BUILD = $@
test $(SANITIZERS): ready-to-test
clang: ready-to-clang
aarch64: ready-to-aarch64
# Some tests wait most of their time: one more than there are processors.
# EXCEPT=slow leaves out those with this label.
test $(SANITIZERS) $(PORTS):
	cmake --preset $(BUILD)
	cmake --build --preset $(BUILD) -j $(JOBS) \
	  $(if $(filter clang,$(BUILD)),--target c_programs)
	ctest --preset $(BUILD) -j $$(($(JOBS) + 1)) $(if $(EXCEPT),-LE $(EXCEPT))

# What needs an interpreter, and little to be built.
specs: ready-to-test
	cmake --preset $(RELEASE)
	cmake --build --preset $(RELEASE) -j $(JOBS) --target specs
	ctest --preset $(RELEASE) -j $$(($(JOBS) + 1)) -R '^(spec/|tests/luas$$)' \
	  $(if $(EXCEPT),-LE $(EXCEPT))

# What compilers do not see: tests/lint.sh.
lint: ready-to-lint
	cmake --preset $(RELEASE)
	sh tests/lint.sh build/$(RELEASE)

test-all:
	for lua in $(LUAS); do $(MAKE) test LUA=$$lua || exit 1; done

# Each C program with its loops SECONDS long, then the specs that take a length.
SECONDS ?= 60

stress: ready-to-test
	cmake --preset $(RELEASE)
	cmake --build --preset $(RELEASE) -j $(JOBS)
	for program in build/$(RELEASE)/tests/test_*; do \
	  STRESS_SECONDS=$(SECONDS) $$program || exit 1; done
	LLTHREADS2_STRESS=$(SECONDS) $(BUSTED) --pattern=channel spec
	LLTHREADS2_STRESS=$(SECONDS) $(BUSTED) spec/hostile_scale_spec.lua

# First the canaries, bugs that must be found; what they write is shown only if
# they are not.
fuzz: ready-to-fuzz
	cmake --preset fuzz
	cmake --build --preset fuzz -j $(JOBS) --target fuzz
	ctest --preset fuzz -j $(JOBS)
	sh tests/fuzz/run.sh build/fuzz $(SECONDS) \
	  $(or $(SEED),$$(od -An -N3 -tu4 /dev/urandom))

# Each allocation of each scenario fails, in a program that is linked with the
# library and in the interpreter, and so does what the system refuses.
# ONLY='^send' chooses scenarios.
OOM = tests/oom/run.lua $(if $(ONLY),--only '$(ONLY)')

oom: ready-to-test
	cmake --preset release
	cmake --build --preset release -j $(JOBS) \
	  --target core oom_linked oom_faults
	$(BUSTED) spec/limits_spec.lua
	LD_PRELOAD=$(CURDIR)/build/release/faults.so $(RUN) $(OOM)
	LUA_PATH="$(CURDIR)/lua/?.lua;;" \
	build/release/tests/oom/oom_linked $(OOM)

# Everything at random, with a ledger of every message: tests/soak/soak.lua.
soak: BUILD = $(RELEASE)
soak: ready-to-test
	cmake --preset $(BUILD)
	cmake --build --preset $(BUILD) -j $(JOBS) --target soak
	SOAK_SECONDS=$(SECONDS) SOAK_SEED=$(SEED) SOAK_ROUND=$(ROUND) \
	sh build/$(BUILD)/soak.sh

# The engine under a scheduler of its own: tests/schedules/explore.h. First the
# bugs that were planted must be found.
schedules: ready-to-test
	cmake --preset release
	cmake --build --preset release -j $(JOBS) --target schedules schedules_bugs
	sh tests/schedules/hunt.sh build/release/tests/schedules/bugs \
	  $(or $(SEED),1)
	build/release/tests/schedules/schedules \
	  $(if $(SCHEDULES),--schedules=$(SCHEDULES),--seconds=$(SECONDS)) \
	  $(if $(SEED),--seed=$(SEED)) $(if $(ONLY),--only='$(ONLY)')

# The measurements. ONLY='channels: 1' chooses rows, and JSON=file keeps all
# samples. LLTHREADS2_PEER is explained in docs/benchmarks.md.
bench-quick: QUICK = --quick
bench bench-quick: ready-to-bench
	cmake --preset $(RELEASE)
	cmake --build --preset $(RELEASE) -j $(JOBS) --target bench
	$(RUN) bench/run.lua $(QUICK) $(if $(ONLY),--only '$(ONLY)') \
	  $(if $(JSON),--json '$(JSON)')

# All tests, without those that say why not; takes about an hour.
memcheck: ready-to-test
	cmake --preset release
	cmake --build --preset release -j $(JOBS)
	sh tests/memcheck/run.sh $(CURDIR)/build/release $(ONLY)

# The models of the engine, explored to the end: tests/models/check.lua.
models: ready-to-test
	$(RUN) tests/models/check.lua $(BOUND)

# With the Luas that differ most.
COVERED = 5.4 5.1 luajit

coverage:
	for lua in $(COVERED); do LUA=$$lua sh tools/setup.sh test || exit 1; done
	JOBS=$(JOBS) sh tests/coverage/run.sh build/coverage $(COVERED)

install: build
	cmake --install build/$(RELEASE) --prefix "$(PREFIX)"

clean:
	rm -rf build build.luarocks

# What it needs is there, or gets installed: tools/setup.sh.
ready:
	@LUA=$(LUA) sh tools/setup.sh

READY = $(addprefix ready-to-,test fuzz lint clang aarch64 bench)
$(READY): ready-to-%:
	@LUA=$(LUA) sh tools/setup.sh $*

fetch-aarch64: ready-to-aarch64
	@sh tests/aarch64/fetch.sh build/aarch64

.PHONY: build help demo test specs test-all sanitizers $(SANITIZERS) $(PORTS) \
  lint stress fuzz oom soak schedules coverage bench bench-quick memcheck models \
  install clean ready $(READY) fetch-aarch64
