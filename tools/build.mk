# SPDX-License-Identifier: Apache-2.0
# build.mk - how things are compiled and linked; what there is to build is found by folder

VERSION     := $(shell cat VERSION)
PREFIX      ?= /usr/local
CNI_BIN_DIR ?= /opt/cni/bin
IMAGE       ?= localhost/spiderpool:$(VERSION)
CFLAGS      ?= -O2 -g

ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(ARCH),arm64)
CC := aarch64-linux-gnu-gcc
AR := aarch64-linux-gnu-gcc-ar
STRIP := aarch64-linux-gnu-strip
endif
STRIP ?= strip
ifdef FUZZ
CC := clang
endif

# One directory a variant, so that none of them rebuilds the other's objects.
BUILD := build$(if $(FUZZ),-fuzz,$(if $(findstring clang,$(CC)),-clang))$(if $(SAN),-san)$(if $(ARCH),-$(ARCH))

, := ,
STD      := -std=gnu11 -D_GNU_SOURCE -DSPIDERPOOL_VERSION='"$(VERSION)"' -fno-common -fno-strict-aliasing
WARN     := -Wall -Wextra -Wshadow -Wvla -Wformat=2 -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
	    -Wno-sign-conversion $(if $(WERROR),-Werror)
SECTIONS := -ffunction-sections -fdata-sections
SANITIZE := $(if $(SAN),-fsanitize=address$(,)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer) \
	    $(if $(FUZZ),-fsanitize=fuzzer-no-link$(,)address$(,)undefined -fno-sanitize-recover=all)
# The user's CFLAGS come last and drop nothing.
ALL_CFLAGS  = $(STD) -Ipkg -isystem /usr/include/libnl3 $(WARN) $(SECTIONS) $(SANITIZE) -MMD -MP $(CFLAGS)
ALL_LDFLAGS = -Wl,--gc-sections $(SANITIZE) $(LDFLAGS)
# A plugin is copied into other people's directories: stripped, the one with symbols stays in debug/.
# ASan cannot be linked statically; every other build of a plugin is static.
# libnl carries name lookups that nothing here calls; ld would warn of them in every static program.
STATIC     := $(if $(SAN)$(FUZZ),,-static -Wl,--no-warnings)
PLUGIN_LIBS = $(if $(STATIC),-l:libjson-c.a -l:liblmdb.a -l:libnl-3.a,-ljson-c -llmdb -lnl-3)
CTL_LIBS    = -Wl,--as-needed -ljson-c -llmdb -lyaml -lnl-3 -lcurl -lmicrohttpd -lgnutls

Q := $(if $(V),,@)

LIB      := $(BUILD)/libspiderpool.a
AGENT_LIB := $(BUILD)/libagent.a
LIB_OBJS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard pkg/*/*.c))
SOURCES   = $(shell git ls-files -co --exclude-standard '*.c' '*.h')

plugin_name = $(if $(filter ipam,$(1)),spiderpool,$(1))
cmd_name    = $(if $(filter ctl,$(1)),spiderpoolctl,spiderpool-$(1))
PLUGINS    := $(notdir $(patsubst %/main.c,%,$(wildcard plugins/*/main.c)))
CMDS       := $(notdir $(patsubst %/main.c,%,$(wildcard cmd/*/main.c)))
PROGRAMS   := $(foreach p,$(PLUGINS),$(BUILD)/bin/$(call plugin_name,$(p))) \
	      $(foreach c,$(CMDS),$(BUILD)/bin/$(call cmd_name,$(c)))
UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard test/unit/test_*.c test/prop/test_*.c test/fault/test_*.c))
KUBE_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard test/kube/test_*.c))
FUZZERS    := $(patsubst %.c,$(BUILD)/%,$(wildcard test/fuzz/fuzz_*.c))
TOOLS      := $(patsubst %.c,$(BUILD)/%,$(wildcard tools/*.c))
TEST_TOOLS := $(patsubst %.c,$(BUILD)/%,$(wildcard e2e/tools/*.c))
BATS        ?= $(sort $(wildcard e2e/bats/*.bats))
BENCH_TOOLS := $(patsubst %.c,$(BUILD)/%,$(wildcard bench/*.c))
# What talks to kube-apiserver takes libcurl from the system.
BENCH_KUBE_TOOLS := $(patsubst %.c,$(BUILD)/%,$(wildcard bench/kube/*.c))

$(BUILD)/%.o: %.c tools/build.mk VERSION
	@mkdir -p $(@D)
	@$(if $(V),,echo "  CC      $@")
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(LIB): $(LIB_OBJS)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

define plugin_rule
$(BUILD)/bin/$(call plugin_name,$(1)): $(patsubst %.c,$(BUILD)/%.o,$(wildcard plugins/$(1)/*.c)) $(LIB)
	@mkdir -p $$(@D) $(BUILD)/debug
	@$(if $(V),,echo "  LINK    $$@")
	$(Q)$$(CC) $(STATIC) $$(ALL_LDFLAGS) -o $(BUILD)/debug/$$(@F) $$^ $$(PLUGIN_LIBS)
	$(Q)cp $(BUILD)/debug/$$(@F) $$@ $(if $(SAN),,&& $(STRIP) $$@)
endef
define cmd_rule
$(BUILD)/bin/$(call cmd_name,$(1)): $(patsubst %.c,$(BUILD)/%.o,$(wildcard cmd/$(1)/*.c)) $(LIB)
	@mkdir -p $$(@D)
	@$(if $(V),,echo "  LINK    $$@")
	$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $$(CTL_LIBS)
endef
$(foreach p,$(PLUGINS),$(eval $(call plugin_rule,$(p))))
$(foreach c,$(CMDS),$(eval $(call cmd_rule,$(c))))

# A test may say what else it needs in its first lines: "link: -Wl,--wrap=malloc".
test_link = $(shell sed -n 's/^.*link: *\([^*]*\).*/\1/p;8q' $(1))
$(UNIT_TESTS) $(KUBE_TESTS): $(BUILD)/%: $(BUILD)/%.o $(LIB)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter-out $(LIB),$^) $(LIB) $(call test_link,$*.c) $(CTL_LIBS) -lcmocka
# Tests of the agent are linked with it; for what a part keeps to itself they include that.
$(filter $(addprefix $(BUILD)/test/unit/,test_agent_% test_cluster_%),$(UNIT_TESTS)): $(AGENT_LIB)
$(AGENT_LIB): $(patsubst %.c,$(BUILD)/%.o,$(filter-out %/main.c,$(wildcard cmd/agent/*.c)))
	@rm -f $@
	$(Q)$(AR) rcs $@ $^
$(FUZZERS): $(BUILD)/%: $(BUILD)/%.o $(LIB)
	$(Q)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(CTL_LIBS)
$(TOOLS) $(TEST_TOOLS) $(BENCH_KUBE_TOOLS): $(BUILD)/%: $(BUILD)/%.o $(LIB)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(CTL_LIBS)
# The reference pages of plugins and agent come from their tables of keys.
$(BUILD)/tools/confdoc: $(patsubst %.c,$(BUILD)/%.o,$(wildcard plugins/*/fields.c) cmd/agent/config.c cmd/controller/config.c)
$(BENCH_TOOLS): $(BUILD)/%: $(BUILD)/%.o $(LIB)
	$(Q)$(CC) $(STATIC) $(ALL_LDFLAGS) -o $@ $^ $(PLUGIN_LIBS)

fuzz-programs: $(FUZZERS)
unit-programs: $(UNIT_TESTS)
kube-tests: $(KUBE_TESTS)
test-tools: $(TEST_TOOLS)
bench-tools: $(BENCH_TOOLS) $(BENCH_KUBE_TOOLS)
.PHONY: fuzz-programs unit-programs kube-tests test-tools bench-tools

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
