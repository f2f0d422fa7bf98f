# SPDX-License-Identifier: Apache-2.0
# Spiderpool in C. Programs land in build/bin/.
#
#   sudo make demo     install what is needed, build, show the main job        make          build
#   sudo make check    install what is needed, build, run every test           make help     all targets
#
# Variants, each in a build directory of its own:
#   make CC=clang   make SAN=1 (ASan + UBSan)   make ARCH=arm64   make FUZZ=1   make WERROR=1   make V=1

.DEFAULT_GOAL := all
include tools/build.mk

all: $(PROGRAMS) ## build the programs
deps: ## install what building and testing need (Debian, root)
	tools/deps.sh
demo: ## two hosts, a router, pods on a real macvlan underlay; leaves nothing behind
	tools/deps.sh demo
	$(MAKE) all
	e2e/demo.sh
check: deps ## every test, on every build
	tools/check.sh
unit: $(UNIT_TESTS) ## unit, property and fault tests of this build
	tools/run-unit.sh $(UNIT_TESTS)
bats: all test-tools ## end-to-end tests in network namespaces (root)
	BUILD=$(BUILD) tools/run-bats.sh $(BATS)
vm: all ## end-to-end tests that need another kernel, in a virtual machine (root; downloads it once)
	e2e/vm/vm.sh env BUILD=$(BUILD) tools/run-bats.sh e2e/vm/*.bats
kube: ## a real Kubernetes in network namespaces, and its tests (root; its first build takes minutes)
	tools/deps.sh kube
	$(MAKE) all test-tools kube-tests
	e2e/kube/build.sh
	JOBS=2 AGAIN=1 tools/run-bats.sh $$(ls -r e2e/kube/*.bats)
fuzz: ## each fuzz target for FUZZ_SECONDS (default 10), corpus first
	$(MAKE) FUZZ=1 fuzz-programs
	tools/run-fuzz.sh
bench: ## the tables of docs/performance.md
	tools/deps.sh bench
	$(MAKE) all bench-tools
	bench/run.sh
	bench/podnet.sh
fmt: ## format the sources
	clang-format -i $(SOURCES)
lint: layers headers ## clang-format, cppcheck, clang-tidy, shellcheck, mandoc, banned calls, size bars
	tools/lint.sh
layers: ## a folder includes only folders below it
	tools/layers.sh
headers: ## every header compiles alone
	tools/headers.sh
docs: $(BUILD)/tools/confdoc ## regenerate docs/reference from the field tables
	$(BUILD)/tools/confdoc docs/reference
install: all ## into DESTDIR with PREFIX and CNI_BIN_DIR
	tools/install.sh "$(BUILD)" "$(DESTDIR)" "$(PREFIX)" "$(CNI_BIN_DIR)"
image: all ## the container image as a docker archive, IMAGE=NAME:TAG, in BUILD/image.tar (no docker needed)
	deploy/image/build.sh "$(BUILD)" "$(BUILD)/image.tar" "$(IMAGE)"
dist: ## a source archive of HEAD
	git archive --prefix=spiderpool-$(VERSION)/ -o spiderpool-$(VERSION).tar.gz HEAD
clean: ## remove every build directory
	rm -rf build build-*
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 12

.PHONY: all deps demo check unit bats vm kube fuzz bench fmt lint layers headers docs install image dist clean help
