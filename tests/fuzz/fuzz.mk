# tests/fuzz/fuzz.mk - libFuzzer targets under ASan and UBSan, and their replay without an engine.
FUZZ_CC      ?= $(shell command -v clang-14 || command -v clang)
FUZZ_SECONDS ?= 20
FUZZ_NAMES   := $(notdir $(FUZZ:.c=))
FUZZ_ONNX    := $(wildcard /usr/share/libonnx-testdata/data/node/*/model.onnx)# more to begin with, where installed

# In the engine's own build folder: one program for each target.
$(FUZZ_NAMES:%=$(B)/%): $(B)/%: $(B)/tests/fuzz/%.o $(B)/libpoiseapp.a $(B)/libpoise.a
	$(call say,LINK,$@) $(LINK) -fsanitize=fuzzer -o $@ $^ $(LIBS) $(APPLIBS) $(LDFLAGS)
# Without an engine (any compiler): the same target behind tests/fuzz/driver.c.
$(FUZZ_NAMES:%=$(B)/replay-%): $(B)/replay-%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/driver.o $(B)/libpoiseapp.a $(B)/libpoise.a
	$(call say,LINK,$@) $(LINK) -o $@ $^ $(LIBS) $(APPLIBS) $(LDFLAGS)
$(B)/make_seeds: $(B)/tests/fuzz/make_seeds.o $(B)/tests/tiny_onnx.o $(B)/tests/tiny_tflite.o $(B)/libpoiseapp.a $(B)/libpoise.a
	$(call say,LINK,$@) $(LINK) -o $@ $^ $(LIBS) $(APPLIBS) $(LDFLAGS)

fuzz-build: $(FUZZ_NAMES:%=$(B)/%)
seeds: $(B)/make_seeds ; $(Q)$(EMU) $(B)/make_seeds $(B)/seeds
# An input may ask for half a gigabyte of constants, no more: seconds here, many of them where other programs have the core.
fuzz: seeds                                                     ## libFuzzer targets, FUZZ_SECONDS each (needs clang)
	$(Q)$(if $(FUZZ_CC),,echo "fuzz: needs clang (apt-get install clang-14 libclang-rt-14-dev)"; exit 2;) \
	$(MAKE) --no-print-directory CC=$(FUZZ_CC) OPENMP=0 CFLAGS='-O1 -g' SANITIZE=fuzzer-no-link,address,undefined B=build/fuzz fuzz-build
	$(Q)mkdir -p build/fuzz/corpus/fuzz_onnx; for f in $(FUZZ_ONNX); do \
	    d=$${f%/model.onnx}; cp -n $$f build/fuzz/corpus/fuzz_onnx/$${d##*/}; done
	$(Q)for t in $(FUZZ_NAMES); do \
	    mkdir -p build/fuzz/corpus/$$t; echo "== $$t, $(FUZZ_SECONDS) s"; \
	    build/fuzz/$$t -max_total_time=$(FUZZ_SECONDS) -timeout=90 -rss_limit_mb=3000 -malloc_limit_mb=2500 \
	        -artifact_prefix=build/fuzz/ -print_final_stats=0 -verbosity=0 \
	        build/fuzz/corpus/$$t $(B)/seeds/$$t $$(ls -d tests/fuzz/corpus/$$t 2>/dev/null) || exit 1; done
fuzz-replay: seeds $(FUZZ_NAMES:%=$(B)/replay-%)                ## the seeds and 300 damaged versions of each
	$(Q)for t in $(FUZZ_NAMES); do \
	    $(EMU) $(B)/replay-$$t -m 300 $$(find $(B)/seeds/$$t tests/fuzz/corpus/$$t -type f 2>/dev/null) || exit 1; done
hostile-test: all $(B)/hostile ; $(Q)$(EMU) $(B)/hostile $(B) tests/fuzz/corpus  ## the command against damaged and malicious files
$(B)/hostile: $(B)/tests/hostile.o $(B)/tests/tiny_onnx.o $(B)/tests/tiny_tflite.o $(B)/libpoiseapp.a $(B)/libpoise.a
	$(call say,LINK,$@) $(LINK) -o $@ $^ $(LIBS) $(APPLIBS) $(LDFLAGS)
-include $(B)/tests/hostile.d $(FUZZ:%.c=$(B)/%.d) $(B)/tests/fuzz/driver.d $(B)/tests/fuzz/make_seeds.d
.PHONY: hostile-test fuzz fuzz-build fuzz-replay seeds
