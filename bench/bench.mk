# bench/bench.mk - Poise beside ONNX Runtime (npm) on the networks in $(BENCH_MODELS).
BENCH_MODELS ?= $(wildcard $(or $(POISE_ASSETS),../shared/assets)/models/onnx/*_fp32_recovered.onnx)
.cache/ort/node_modules/onnxruntime-node:
	mkdir -p .cache/ort && cd .cache/ort && npm init -y >/dev/null && npm install --ignore-scripts onnxruntime-node
bench: all .cache/ort/node_modules/onnxruntime-node             ## Poise and ONNX Runtime in turn on the same files
	POISE=$(B)/poise node bench/compare.mjs $(BENCH_MODELS)
.PHONY: bench
