# bench/bench.mk - Poise beside others on the networks in $(BENCH_MODELS); nothing of it is part of the library.
NETWORKS     ?= $(B)/networks
BENCH_MODELS ?= $(or $(wildcard $(NETWORKS)/*.onnx),$(wildcard $(or $(POISE_ASSETS),../shared/assets)/models/onnx/*_fp32_recovered.onnx))
BENCH_OUT    ?= bench/results/$(shell date +%F)-peers
ORT_DIR      ?= .cache/ort
PYTHON       ?= /usr/bin/python3# the one that has Debian's packages
PEERS        := $(if $(filter 1,$(FOUND_OPENBLAS)),$(B)/peer_sgemm) $(if $(filter 1,$(FOUND_DNNL)),$(B)/peer_dnnl)
$(ORT_DIR)/node_modules/onnxruntime-node:
	mkdir -p $(ORT_DIR) && cd $(ORT_DIR) && npm init -y >/dev/null && npm install --ignore-scripts onnxruntime-node
$(B)/peer_sgemm: LINKED := -lopenblas
$(B)/peer_dnnl: LINKED := -ldnnl
.PRECIOUS: $(B)/bench/%.o
$(B)/peer_%: $(B)/bench/peer_%.o $(B)/libpoise.a ; $(call say,LINK,$@) $(LINK) -o $@ $^ $(LIBS) $(LINKED) $(LDFLAGS)
bench: all $(ORT_DIR)/node_modules/onnxruntime-node             ## Poise and ONNX Runtime in turn on the same files
	ORT_DIR=$(ORT_DIR) POISE=$(B)/poise node bench/peers.mjs -s -e poise,onnx-runtime $(BENCH_MODELS)
bench-peers: all $(PEERS)                                       ## all engines and libraries that are installed, a table and a chart in bench/results
	ORT_DIR=$(ORT_DIR) POISE=$(B)/poise node bench/peers.mjs -o $(BENCH_OUT) $(BENCH_ARGS) $(BENCH_MODELS)
bench-golden: all $(ORT_DIR)/node_modules/onnxruntime-node      ## outputs beside those of ONNX Runtime on random input
	ORT_DIR=$(ORT_DIR) POISE=$(B)/poise node bench/golden.mjs $(BENCH_MODELS)
bench-networks:                                                 ## export the benchmark networks into DIR (python3-torch, -torchvision, -onnx)
	$(PYTHON) bench/export_networks.py $(or $(DIR),$(NETWORKS))
bench-int8: all $(ORT_DIR)/node_modules/onnxruntime-node        ## INT8 twins of $(BENCH_MODELS) in Poise and ONNX Runtime, in turn
	ORT_DIR=$(ORT_DIR) $(PYTHON) bench/quantize_qdq.py $(filter-out %-int8.onnx,$(BENCH_MODELS))
	ORT_DIR=$(ORT_DIR) POISE=$(B)/poise node bench/peers.mjs -s -e poise,poise-avx2,onnx-runtime $(BENCH_ARGS) \
	    $(patsubst %.onnx,%-int8.onnx,$(filter-out %-int8.onnx,$(BENCH_MODELS)))
# Instructions under qemu (docs/TESTING.md).  The plugin becomes a part of qemu, so it is built for this machine.
HOSTCC       ?= gcc
AARCH64_CC   ?= aarch64-linux-gnu-gcc
ARM_CC       ?= arm-linux-gnueabihf-gcc
ARM_BUILDS   := build/aarch64-linux-gnu build/arm-linux-gnueabihf
ARM_RESULTS  ?= bench/results/2026-11-21-arm.md
ARM_NETWORKS ?= $(NETWORKS)# with yolov8n-320.onnx and yolov8n-320-int8.onnx
build/insn_count.so: bench/insn_count.c
	@mkdir -p $(@D)
	$(call say,HOST,$<) $(HOSTCC) -std=c11 -O2 -Wall -Wextra -shared -fPIC -fvisibility=hidden -o $@ $<
$(B)/direct_tuning: $(B)/bench/direct_tuning.o $(B)/libpoise.a ; $(call say,LINK,$@) $(LINK) -o $@ $^ $(LIBS) $(LDFLAGS)
arm-builds: build/insn_count.so
	$(Q)$(MAKE) CC='$(AARCH64_CC)' B=build/aarch64-linux-gnu $(addprefix build/aarch64-linux-gnu/,check poise direct_tuning)
	$(Q)$(MAKE) CC='$(ARM_CC)' B=build/arm-linux-gnueabihf build/arm-linux-gnueabihf/check
bench-arm: arm-builds                                           ## instructions of ARM kernels and networks, and llvm-mca's cycles, into bench/results
	bench/arm_table.py -o $(ARM_RESULTS) $(ARM_BUILDS) $(addprefix --fp32=,$(wildcard $(ARM_NETWORKS)/yolov8n-320.onnx)) \
	    $(addprefix --int8=,$(wildcard $(ARM_NETWORKS)/yolov8n-320-int8.onnx))
arm-counts: arm-builds ; bench/arm_gate.py --write $(ARM_BUILDS) ## write bench/arm_counts.tsv, the instructions of every ARM kernel
arm-gate: arm-builds ; $(Q)bench/arm_gate.py $(ARM_BUILDS)       ## ... and compare with it: 1 % more or fewer fails
.PHONY: arm-builds arm-counts arm-gate bench-arm bench bench-golden bench-int8 bench-peers bench-networks
-include $(B)/bench/direct_tuning.d $(B)/bench/peer_sgemm.d $(B)/bench/peer_dnnl.d
