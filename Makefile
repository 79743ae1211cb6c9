# The commands people type. The build itself is CMakeLists.txt and CMakePresets.json; what a target
# installs is named by scripts/setup. Every test target ends with a line "N passed, N failed".
PREFIX ?= /usr/local
DESTDIR ?=
CONFIG ?= $(wildcard config/minimal.ini)
SECONDS_EACH ?= 60

.PHONY: build run test test-asan test-tsan test-long bench fuzz lint install clean help \
        setup-build setup-test
.DEFAULT_GOAL := build

## build      the release build, in build/release/ (the default)
build: build/release/build.ninja
	@cmake --build build/release

## run        build, then serve with CONFIG (config/minimal.ini); further arguments in ARGS
run: build
	@exec build/release/loomcache $(CONFIG) $(ARGS)

## test       build the dev preset and run every test
test: build/dev/build.ninja
	@cmake --build build/dev
	@scripts/run-tests dev

## test-asan  the same with address and undefined-behaviour sanitizers
## test-tsan  the same with the thread sanitizer
test-asan test-tsan: test-%: build/%/build.ninja
	@cmake --build build/$*
	@scripts/run-tests $*

## test-long  what takes longer than a coffee; the result is recorded in docs/test-long.md
test-long: build test
	@scripts/test-long

## bench      measure against the redis, valkey and memcached that are installed
bench: build | setup-test
	@tests/bench/run build/release $(ARGS)

## fuzz       each fuzzer for SECONDS_EACH (60)
fuzz: | setup-test
	@scripts/fuzz $(SECONDS_EACH)

## lint       gcc and clang without warnings, cppcheck, include graph, style
lint: | setup-test
	@scripts/lint

## install    into DESTDIR and PREFIX (/usr/local)
install: build
	@DESTDIR="$(DESTDIR)" cmake --install build/release --prefix "$(PREFIX)"

## clean      remove every build (not the unpacked tools)
clean:
	@rm -rf build/dev build/release build/asan build/tsan build/fuzz build/lint-*

## help       this list
help:
	@sed -n 's/^## //p' Makefile

build/release/build.ninja: | setup-build
build/dev/build.ninja build/asan/build.ninja build/tsan/build.ninja: | setup-test

build/%/build.ninja: CMakePresets.json
	@cmake --preset $*
	@touch $@

setup-build:
	@scripts/setup build

setup-test: | setup-build
	@scripts/setup test
