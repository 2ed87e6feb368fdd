# SPDX-License-Identifier: Apache-2.0
# make              build the three programs into build/plain/
# make check        run every test that needs neither root nor a network
# make check SAN=1  the same tests under address and undefined sanitizers
# make lint         style, include layers, banned calls, static analysis
# make system       tests that need root, eBPF and a JVM
# make vm           latency truth on Debian's own kernel, in a virtual machine
# make sim          simulated rollouts with known truth (QUICK=1: the short form)
# make fuzz         search each fuzz target for FUZZ_SECONDS
# make bench        one table of measured figures
# make install      DESTDIR= PREFIX=
#
# One Makefile, no recursion: every object knows its own headers, and a
# directory's sources are found, not listed.

CC           ?= cc
CLANG        ?= clang
BPFTOOL      ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
PROTOC_C     ?= protoc-c
PREFIX       ?= /usr/local
FUZZ_SECONDS ?= 60

# O moves the build elsewhere, so that several can go on in one tree.
O ?= build
B := $(O)/$(if $(SAN),san,plain)

# Each program links what it needs and no more.
COMMON_PKGS    = libprotobuf-c libzstd
GATE_PKGS      = $(COMMON_PKGS) libmicrohttpd nettle jansson sqlite3 libcap \
		 libseccomp
COLLECTOR_PKGS = $(COMMON_PKGS) libbpf libelf liblzma libcurl libcap libseccomp
CLI_PKGS       = $(COMMON_PKGS) libcurl jansson
ALL_PKGS       = $(sort $(GATE_PKGS) $(COLLECTOR_PKGS) $(CLI_PKGS))
libs           = $(shell pkg-config --libs $(1)) -lm -pthread

SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover
WARN     = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wvla -Wundef \
	   -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Werror
CFLAGS   = -std=gnu11 -O2 -g -fno-omit-frame-pointer -pthread $(WARN) \
	   $(if $(SAN),$(SANITIZE))
CPPFLAGS = -I. -isystem $(B) -D_GNU_SOURCE -D_FORTIFY_SOURCE=2 \
	   $(shell pkg-config --cflags $(ALL_PKGS))

objects   = $(patsubst %.c,$(B)/%.o,$(filter-out %/main.c,$(wildcard $(1))))
PROTO     = $(patsubst %.proto,$(B)/%.pb-c.o,$(wildcard schema/*.proto))
COMMON    = $(call objects,common/*.c) $(PROTO)
STATS     = $(call objects,stats/*.c)
GATE      = $(call objects,gate/*.c) $(B)/schema_sql.o $(B)/openapi_json.o
COLLECTOR = $(call objects,collector/*.c)
CLI       = $(call objects,ci/cli/*.c)
SKELS     = $(patsubst bpf/%.bpf.c,$(B)/%.skel.h,$(wildcard bpf/*.bpf.c))

UNIT      = $(patsubst %.c,$(B)/%,$(wildcard tests/unit/*/*_test.c))
PROPERTY  = $(patsubst %.c,$(B)/%,$(wildcard tests/property/*_property.c))
FUZZ      = $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/*_fuzz.c))
TESTS     = $(UNIT) $(PROPERTY)

PROGRAMS  = $(B)/tailgated $(B)/tailgate-collector $(B)/tailgate

# One short line for each command; V=1 prints the command itself.
say = $(if $(V),,@printf '%-6s%s\n' $(1) $@ &&)

all: $(PROGRAMS)

$(B)/libcommon.a:    $(COMMON)
$(B)/libstats.a:     $(STATS)
$(B)/libgate.a:      $(GATE)
$(B)/libcollector.a: $(COLLECTOR)
$(B)/libcli.a:       $(CLI)
%.a:
	@rm -f $@
	$(call say,AR)$(AR) rcs $@ $^

BASE = $(B)/libstats.a $(B)/libcommon.a

$(B)/tailgated: $(B)/gate/main.o $(B)/libgate.a $(BASE)
$(B)/tailgated: LDLIBS = $(call libs,$(GATE_PKGS))
$(B)/tailgate-collector: $(B)/collector/main.o $(B)/libcollector.a $(BASE)
$(B)/tailgate-collector: LDLIBS = $(call libs,$(COLLECTOR_PKGS)) -liberty
$(B)/tailgate: $(B)/ci/cli/main.o $(B)/libcli.a $(BASE)
$(B)/tailgate: LDLIBS = $(call libs,$(CLI_PKGS))

# LeakSanitizer looks with ptrace(), which these two have given up by the time
# they end: their leaks are looked for in the unit tests of the same modules.
ifdef SAN
$(B)/tailgated $(B)/tailgate-collector: $(B)/tests/no_leak_check.o
endif

# A test links the directory that it mirrors, without that program's main().
LDLIBS = $(call libs,$(COMMON_PKGS))
$(filter $(B)/tests/unit/gate/%,$(UNIT)): $(B)/libgate.a
$(filter $(B)/tests/unit/gate/%,$(UNIT)): LDLIBS = $(call libs,$(GATE_PKGS))
$(filter $(B)/tests/unit/collector/%,$(UNIT)): $(B)/libcollector.a
$(filter $(B)/tests/unit/collector/%,$(UNIT)): \
	LDLIBS = $(call libs,$(COLLECTOR_PKGS)) -liberty
$(filter $(B)/tests/unit/cli/%,$(UNIT)): $(B)/libcli.a
$(filter $(B)/tests/unit/cli/%,$(UNIT)): LDLIBS = $(call libs,$(CLI_PKGS))

$(B)/tests/unit/common/drop_test: LDLIBS += $(call libs,libcap libseccomp)
$(B)/tests/unit/common/json_test $(B)/tests/unit/stats/policy_text_test: \
	LDLIBS += $(call libs,jansson)

# Properties and fuzz targets may look at any of our modules.
$(PROPERTY) $(FUZZ): $(B)/libgate.a $(B)/libcollector.a
$(PROPERTY) $(FUZZ): LDLIBS = $(call libs,$(ALL_PKGS)) -liberty
$(TESTS): %: %.o $(B)/tests/test.o $(B)/tests/random_batch.o \
	$(B)/tests/story.o $(BASE)
$(FUZZ):  %: %.o $(B)/tests/fuzz/replay.o $(BASE)

$(patsubst %,$(B)/tests/unit/gate/%_test,judge replay past backtest): \
	$(B)/tests/gate_room.o

# Tests of the fold draw their rollouts from the simulator's truth.
$(B)/tests/unit/stats/rollout_test $(B)/tests/unit/stats/lesson_test \
$(B)/tests/property/rollout_property: $(B)/tests/sim/truth.o

# Archives after objects, and stats before common, whatever order a rule
# added them in.
link = $(call say,LINK)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
	$(filter-out $(BASE),$(filter %.a,$^)) $(BASE) $(LDLIBS)
$(PROGRAMS) $(TESTS) $(FUZZ):
	$(link)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# A fused multiply-add rounds differently, and only some machines have it.  The
# fold is what the gate's time goes to: -O3 takes 4 % off it.
$(B)/stats/%.o: CFLAGS += -ffp-contract=off $(if $(SAN),,-O3)

# Kernel side: C to BPF object to the header the collector loads it from.
$(B)/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h)
	@mkdir -p $(@D)
	$(call say,BPF)$(CLANG) -g -O2 -Wall -Werror -target bpf -D__TARGET_ARCH_x86 -I. \
		-idirafter /usr/include/$(shell $(CC) -print-multiarch) \
		-c -o $@ $<

$(B)/%.skel.h: $(B)/%.bpf.o
	$(call say,SKEL)$(BPFTOOL) gen skeleton $< name $(subst .,_,$*) > $@

$(COLLECTOR): | $(SKELS)
# generated headers are in no .d file
$(B)/collector/probe.o: $(B)/requests.skel.h

# Wire format: the .proto is the source, its C is generated.
$(B)/%.pb-c.c $(B)/%.pb-c.h: %.proto
	@mkdir -p $(@D)
	$(call say,PROTO)$(PROTOC_C) --c_out=$(B) $<
$(B)/schema/%.pb-c.o: $(B)/schema/%.pb-c.c
	$(call say,CC)$(CC) $(CPPFLAGS) $(CFLAGS) -Wno-conversion -Wno-pedantic -c -o $@ $<
$(call objects,common/*.c): | $(PROTO:.o=.h)

# Migrations and the API document travel inside the gate: there is no file
# to lose or to edit.
$(B)/schema_sql.o $(B)/openapi_json.o $(B)/gate/report_style.o: \
	WARN += -Wno-overlength-strings
$(B)/%_sql.o: $(B)/%_sql.c
	$(call say,CC)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
$(B)/%_json.o: $(B)/%_json.c
	$(call say,CC)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
$(B)/schema_sql.c: schema/embed.awk $(sort $(wildcard schema/*.sql))
	@mkdir -p $(@D)
	$(call say,EMBED)awk -f $< $(filter %.sql,$^) > $@
$(B)/openapi_json.c: schema/embed_text.awk schema/openapi.json
	@mkdir -p $(@D)
	$(call say,EMBED)awk -v name=openapi_json -f $^ > $@

check: $(TESTS) $(FUZZ)
	@sh tests/run.sh $(TESTS)
	@sh tests/fuzz/replay.sh $(FUZZ)

lint:
	@sh tests/lint/lint.sh $(O)/lint

# The collector's profile side alone, for the system tests.
PROFILER = $(B)/tests/system/profiler
$(PROFILER): $(PROFILER).o $(B)/libcollector.a $(BASE)
	$(call say,LINK)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(B)/libcollector.a $(BASE) \
		$(call libs,libbpf libelf liblzma) -liberty

# Batches of a story, as files.
FEEDER = $(B)/tests/system/feeder
$(FEEDER): $(FEEDER).o $(B)/tests/story.o $(BASE)
	$(link)

# What the latency truth test is made of.
TRUTH = $(patsubst %.c,$(B)/%,$(wildcard tests/system/truth/*.c))
$(B)/tests/system/truth/driver: $(B)/libcollector.a
$(TRUTH): LDLIBS = $(call libs,libbpf libelf)
$(TRUTH): %: %.o $(BASE)
	$(link)

system: all $(PROFILER) $(FEEDER) $(TRUTH)
	@sh tests/system/run.sh $(B)

vm: $(TRUTH) $(PROFILER)
	@sh tests/vm/run.sh $(B)

sim: $(B)/tests/sim/sim
	$(B)/tests/sim/sim $(if $(QUICK),--quick)
SIM_OBJECTS = $(patsubst %.c,$(B)/%.o,$(wildcard tests/sim/*.c))
$(B)/tests/sim/sim: $(SIM_OBJECTS) $(BASE)
	$(link)

fuzz:
	@sh tests/fuzz/search.sh $(O)/fuzz $(FUZZ_SECONDS)

# Not part of check: writes the corpus that is kept in tests/fuzz/corpus/batch.
$(B)/tests/fuzz/make_corpus: %: %.o $(B)/tests/random_batch.o $(BASE)
	$(link)

# Benchmarks may look at any of our modules, as properties do.
BENCH = $(patsubst %.c,$(B)/%,$(wildcard tests/bench/*_bench.c))
$(BENCH): $(B)/tests/bench/sample_batch.o $(B)/libgate.a $(B)/libcollector.a
$(BENCH): LDLIBS = $(call libs,$(ALL_PKGS)) -liberty
$(B)/tests/bench/gate_bench: $(B)/tests/story.o
$(BENCH): %: %.o $(BASE)
	$(link)

bench: all $(BENCH) $(TRUTH)
	@sh tests/bench/run.sh $(B) $(if $(QUICK),--quick)

install: all
	install -D -m 755 $(B)/tailgated $(DESTDIR)$(PREFIX)/sbin/tailgated
	install -D -m 755 $(B)/tailgate-collector \
		$(DESTDIR)$(PREFIX)/sbin/tailgate-collector
	install -D -m 755 $(B)/tailgate $(DESTDIR)$(PREFIX)/bin/tailgate

clean:
	rm -rf build

.PHONY: all check lint system vm sim fuzz bench install clean
.DELETE_ON_ERROR:
.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
