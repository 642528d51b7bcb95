# Poise - build, test, bench.   `make help` lists the targets; V=1 shows the commands.
#
#   make                        the command and the libraries, in build/<triple>/
#   make CC=clang  STATIC=1  ISAS="c avx2"  JPEG=0  PNG=0  OPENMP=0  WERROR=1  SANITIZE=address,undefined
CC     ?= gcc
ifeq ($(origin CC),default)
CC     := gcc
endif
HOST   := $(shell $(CC) -dumpmachine 2>/dev/null)
ARCH   := $(patsubst armv%,arm,$(firstword $(subst -, ,$(HOST))))# armv7l-vendor-linux-gnueabihf is an arm
MUSL   := $(findstring musl,$(CC))
comma  := ,
B      ?= build/$(HOST)$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))$(if $(findstring clang,$(CC)),-clang)$(if $(MUSL),-musl)$(if $(STATIC),-static)
Q      := $(if $(V),,@)
say     = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2);)

# One line per ISA: the folder ops/<isa>/ is compiled with these flags and no other file of the library is.
ISAS_x86_64  := c sse4 avx2 avxvnni avx512 avx512vbmi avx512vnni avx512bf16 amx
ISAS_aarch64 := c neon neon_inorder neonfp16 neondot neonbf16 neoni8mm
ISAS_arm     := c neon
FLAGS_sse4   := -msse4.1
FLAGS_avx2   := -mavx2 -mfma -mf16c
FLAGS_avxvnni := $(FLAGS_avx2) -mavxvnni
FLAGS_avx512 := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c -mprefer-vector-width=512
FLAGS_avx512vbmi := $(FLAGS_avx512) -mavx512vbmi
FLAGS_avx512vnni := $(FLAGS_avx512) -mavx512vnni
FLAGS_avx512bf16 := $(FLAGS_avx512) -mavx512bf16
FLAGS_amx    := $(FLAGS_avx512bf16) -mamx-tile -mamx-bf16 -mamx-int8
FLAGS_neon   := $(if $(filter arm,$(ARCH)),-mfpu=neon-vfpv4)
FLAGS_neon_inorder := -mtune=cortex-a53
FLAGS_neonfp16 := -march=armv8.2-a+fp16
# Products are written in the order in which cores that keep to it do best; ldp of vectors takes an A55 6 cycles, two ldr 2.
AS_WRITTEN := $(if $(findstring clang,$(CC)),,-fno-schedule-insns -fno-peephole2)
FLAGS_neondot := -march=armv8.2-a+dotprod -mtune=cortex-a55 $(AS_WRITTEN)
FLAGS_neonbf16 := -march=armv8.2-a+bf16
FLAGS_neoni8mm := -march=armv8.2-a+dotprod+i8mm $(filter-out -fno-peephole2,$(AS_WRITTEN))
NEWER  := avxvnni avx512vbmi avx512vnni avx512bf16 amx neonfp16 neondot neonbf16 neoni8mm# than some compilers

# Static libraries for another machine or C library: what 'make sysroot' fetched, if it came to its end.
SYSROOT ?= $(if $(STATIC),$(if $(or $(MUSL),$(filter-out $(shell uname -m),$(ARCH))),$(patsubst %/bin/musl-gcc,%,$(wildcard .cache/sysroot/$(HOST)/bin/musl-gcc))))
SYSROOT_FLAGS := $(if $(SYSROOT),-isystem $(SYSROOT)/usr/include -L$(SYSROOT)/usr/lib/$(HOST))
# Debian's libraries call checked variants of some functions, which musl lacks; the sysroot's own compiler knows of these.
override LDFLAGS += $(if $(MUSL),$(if $(SYSROOT),$(wildcard $(SYSROOT)/usr/lib/*/libfortified.a)))
# What this toolchain has.
OPTIONAL := JPEG PNG JSON CMOCKA OPENMP ISAS
GIVEN  := $(strip $(foreach o,$(OPTIONAL),$(if $(filter undefined,$(origin $(o))),,$(o))))
ifneq ($(filter-out clean help setup sysroot dist sizes demo,$(or $(MAKECMDGOALS),all)),)
ifneq ($(shell CC='$(CC)' STATIC='$(STATIC)' SYSROOT='$(SYSROOT)' SYSROOT_FLAGS='$(SYSROOT_FLAGS)' GIVEN='$(GIVEN)' \
    toolchain/probe.sh $(B) $(foreach i,$(filter $(NEWER),$(ISAS_$(ARCH))),'$(i)=$(FLAGS_$(i))') || echo failed),)
$(error nothing can be built with $(CC))
endif
include $(B)/found.mk
endif
AR     := $(if $(filter default,$(origin AR)),$(FOUND_AR),$(AR))
NM     ?= $(FOUND_NM)
# Sanitizers take minutes over unrolled tiles: gcc leaves AVX-512 out (its templates are those of AVX2), clang all of them.
SLOW   := $(if $(SANITIZE),avx512 avx512vbmi avx512vnni avx512bf16 amx $(if $(findstring clang,$(CC)),sse4 avx2 avxvnni))
ISAS   ?= $(or $(filter-out $(SLOW) $(TOO_NEW),$(ISAS_$(ARCH))),c)

# Optional parts: 1 if they are there, unless said otherwise.
JPEG   ?= $(FOUND_JPEG)
PNG    ?= $(FOUND_PNG)
JSON   ?= $(FOUND_JSON)
CMOCKA ?= $(FOUND_CMOCKA)
OPENMP ?= $(FOUND_OPENMP)
EMBED  ?= 1# models/zoo/poise-person.poise in the command, as the model called default

STD    := -std=c11 -I. -D_POSIX_C_SOURCE=200809L
WARN   := -Wall -Wextra -Wshadow -Wundef -Wvla -Wcast-qual -Wcast-align -Wpointer-arith -Wwrite-strings \
          -Wstrict-prototypes -Wmissing-prototypes -Wdouble-promotion -Wconversion
CFLAGS ?= -O2 -g
# Parts of the command that can be left out: what nothing calls, the linker drops.
ALL_PARTS := onnx tflite quantize bench val scene
PARTS  ?= $(ALL_PARTS)
$(foreach p,$(filter-out $(ALL_PARTS),$(PARTS)),$(error PARTS has no '$p'; it is any of: $(ALL_PARTS)))
WITH   := -DPS_WITH_JPEG=$(JPEG) -DPS_WITH_PNG=$(PNG) -DPS_WITH_JSON=$(JSON) -DPS_WITH_OPENMP=$(OPENMP) -DPS_WITH_EMBED=$(EMBED) \
          $(shell echo $(foreach p,$(ALL_PARTS),-dps_with_$p=$(if $(filter $p,$(PARTS)),1,0)) | tr a-z A-Z)
OMP    := $(if $(filter 1,$(OPENMP)),-fopenmp)
SAN    := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
# A static program needs no code that can be moved, no tables for unwinding its stack, and only the functions it calls; pages
# that become read-only after relocation would be padded to the largest pages there are (64 kB on ARM).
SMALL  := $(if $(STATIC),-fno-pie -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -fno-unwind-tables)
# -ffp-contract=off: a C reference means the same on every machine; kernels fuse by intrinsics.
ALL     = $(STD) $(WARN) $(if $(WERROR),-Werror) $(or $(SMALL),-fPIC) -fvisibility=hidden -ffp-contract=off -fno-math-errno \
          $(SAN) $(SYSROOT_FLAGS) $(CFLAGS)
LIBS   := $(if $(filter 1,$(JPEG)),-lturbojpeg) $(if $(filter 1,$(PNG)),-lpng -lz) -lm
APPLIBS := $(if $(filter 1,$(JSON)),-ljansson)
LINK    = $(CC) $(ALL) $(OMP) $(if $(STATIC),-static -no-pie -Wl$(comma)--gc-sections$(comma)--build-id=none -Wl$(comma)-z$(comma)norelro)

LIB   := $(wildcard runtime/*.c ops/*.c nn/*.c models/*.c convert/*.c) $(foreach i,$(ISAS),$(wildcard ops/$(i)/*.c))
APP   := $(filter-out app/main.c,$(wildcard app/*.c))# all but main: test programs link these too
CHECK := tests/check.c $(wildcard tests/check_*.c) tests/amx_emulated.c tests/avxvnni_emulated.c
NEED_ONNX := input_codes no_memory people soak# tests that begin with a file of that format
TESTS := $(if $(filter 1,$(CMOCKA)),$(filter-out $(if $(filter onnx,$(PARTS)),,$(NEED_ONNX:%=tests/test_%.c)),$(wildcard tests/test_*.c)))
SUPPORT := tests/amx_emulated.c tests/avxvnni_emulated.c tests/op_test.c tests/product_int8.c tests/graph_build.c tests/onnx_build.c tests/decode_net.c tests/tiny_onnx.c# linked into a test program that uses it
FUZZ  := $(wildcard tests/fuzz/fuzz_*.c)
SUPPORT += tests/tiny_tflite.c tests/tflite_run.c tests/fake_tree.c tests/packed_net.c
ASK   := $(shell grep -l PS_WITH_ $(LIB) $(APP) app/main.c $(TESTS) $(SUPPORT) $(FUZZ))# those that ask what is built in

all: $(B)/libpoise.a $(if $(STATIC),,$(B)/libpoise.so) $(if $(wildcard app/main.c),$(B)/poise)   ## build the command and the libraries
check: $(B)/check ; $(Q)$(EMU) $(B)/check                       ## every kernel variant against its C reference
bench-kernels: $(B)/check ; $(Q)$(EMU) $(B)/check --bench       ## ... and time them
clean: ; $(Q)rm -rf build                                       ## forget everything built
help:                                                           ## this list
	@awk -F'## ' '/^[a-z-]+:.*## /{split($$1,t,":");printf "  %-14s%s\n",t[1],$$2}' $(filter-out %.d,$(MAKEFILE_LIST))

TEST_BINS := $(TESTS:tests/%.c=$(B)/%)
units: $(TEST_BINS)                                             ## unit tests (cmocka)
	$(Q)$(if $(TESTS),,echo "SKIP units: cmocka.h is absent ('make setup' installs it)")
	$(Q)$(if $(TESTS),EMU='$(EMU)' tests/units.sh $(TEST_BINS))
build-tests: $(TEST_BINS) $(B)/check $(B)/onnx_nodes $(B)/make_tiny ## build all test programs, run none
onnx-nodes: $(B)/onnx_nodes ; $(Q)$(EMU) $(B)/onnx_nodes           ## the ONNX backend's node tests (libonnx-testdata)
operators: $(B)/onnx_nodes ; $(Q)$(B)/onnx_nodes --markdown > docs/OPERATORS.md   ## write docs/OPERATORS.md
test: all lint check units cli-test hostile-test example-test                ## everything that needs no foreign data
cli-test: all $(B)/make_tiny ; $(Q)EMU='$(EMU)' tests/cli.sh $(B)    ## the command from outside
memory-test: all $(B)/make_tiny ; $(Q)EMU='$(EMU)' tests/memory.sh $(B) ## what info says against the memory a process takes
lint: all ; $(Q)NM=$(NM) tests/lint/lint.sh $(B) "$(ISAS)"      ## layers, prefixes, one home per dependency

$(B)/libpoise.a: $(LIB:%.c=$(B)/%.o) ; $(call say,AR,$@) rm -f $@ && $(AR) rcs $@ $^
$(B)/libpoise.so: $(LIB:%.c=$(B)/%.o) ; $(call say,LINK,$@) $(LINK) -shared -Wl$(comma)-soname$(comma)libpoise.so.0 -o $@ $^ $(LIBS) $(LDFLAGS)
$(B)/libpoiseapp.a: $(APP:%.c=$(B)/%.o) ; $(call say,AR,$@) rm -f $@ && $(AR) rcs $@ $^
$(B)/poise: $(B)/app/main.o $(B)/libpoiseapp.a $(B)/libpoise.a
	$(call say,LINK,$@) $(LINK) -o $@ $^ $(LIBS) $(APPLIBS) $(LDFLAGS)
$(B)/check: $(CHECK:%.c=$(B)/%.o) $(B)/libpoiseapp.a $(B)/libpoise.a ; $(call say,LINK,$@) $(LINK) -o $@ $^ $(LIBS) $(LDFLAGS)
$(B)/libsupport.a: $(SUPPORT:%.c=$(B)/%.o) ; $(call say,AR,$@) rm -f $@ && $(AR) rcs $@ $^
$(TEST_BINS): $(B)/%: $(B)/tests/%.o $(B)/libsupport.a $(B)/libpoiseapp.a $(B)/libpoise.a
	$(call say,LINK,$@) $(LINK) -o $@ $^ $(LIBS) $(APPLIBS) -lcmocka $(LDFLAGS)

$(B)/make_tiny: $(B)/tests/make_tiny.o $(B)/tests/tiny_onnx.o $(B)/tests/tiny_tflite.o $(B)/libpoise.a ; $(call say,LINK,$@) $(LINK) -o $@ $^ $(LIBS) $(LDFLAGS)
$(B)/onnx_nodes: $(B)/tests/onnx_nodes.o $(B)/libpoise.a ; $(call say,LINK,$@) $(LINK) -o $@ $^ $(LIBS) $(LDFLAGS)

$(B)/ops/kernels.o: ALL += '-DPS_ISA_LIST(X)=$(foreach i,$(ISAS),X($(i)))'
$(B)/runtime/threads.o: ALL += $(OMP)
$(if $(filter 1,$(EMBED)),$(B)/app/embedded.o: models/zoo/poise-person.poise)
$(B)/tests/avxvnni_emulated.o: ALL += $(if $(filter avx512vnni,$(ISAS)),$(FLAGS_avx2) -mavx512vl -mavx512vnni -O3,$(if $(filter avx2,$(ISAS)),$(FLAGS_avx2)))
$(foreach i,$(ISAS),$(eval $(B)/ops/$(i)/%.o: ALL += $$(FLAGS_$(i)) $(if $(SANITIZE),-O1,-O3)))
$(ASK:%.c=$(B)/%.o): ALL += $(WITH)
$(ASK:%.c=$(B)/%.o): $(B)/with
# Where size counts: what runs once may be slow, and so may C kernels, which others stand in for; rows take no copies of loops.
ONCE   := plan graph model format format_write gate_find precision quantised rules tuning tuning_find arena choice
$(if $(STATIC),$(foreach d,app/% convert/% ops/c/% models/task models/names runtime/topology runtime/sysfs runtime/process \
    runtime/cpu runtime/cpu_arm $(ONCE:%=nn/%),$(eval $(B)/$(d).o: ALL += -Os)))
$(if $(STATIC),$(foreach i,$(filter-out c,$(ISAS)),$(eval $(B)/ops/$(i)/rows_$(i).o: ALL += -O2)))
# Change with how and what is compiled, so that parts found later (after `make setup`) are built in.
$(B)/flags: TOLD = $(CC) $(SAN) $(SYSROOT_FLAGS) $(CFLAGS) $(ISAS)
$(B)/with: TOLD = $(WITH)
$(B)/flags $(B)/with: FORCE ; @mkdir -p $(@D); echo '$(TOLD)' | cmp -s - $@ || echo '$(TOLD)' >$@
$(B)/%.o: %.c Makefile $(B)/flags ; @mkdir -p $(@D)
	$(call say,CC,$<) $(CC) $(ALL) -MMD -MP -c -o $@ $<
-include $(LIB:%.c=$(B)/%.d) $(APP:%.c=$(B)/%.d) $(B)/app/main.d $(CHECK:%.c=$(B)/%.d) $(TESTS:%.c=$(B)/%.d) $(SUPPORT:%.c=$(B)/%.d) \
    $(B)/tests/make_tiny.d $(B)/tests/tiny_onnx.d $(B)/tests/onnx_nodes.d
include install.mk tests/fuzz/fuzz.mk bench/bench.mk models/zoo/zoo.mk
.PHONY: FORCE memory-test build-tests cli-test onnx-nodes operators all check bench-kernels clean help units test lint
.DEFAULT_GOAL := all
