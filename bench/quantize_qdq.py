#!/usr/bin/python3
"""The INT8 twin that ONNX Runtime runs fastest: quantize_qdq.py MODEL.onnx...  writes MODEL-int8.onnx beside each.

QuantizeLinear and DequantizeLinear around convolutions, products and what lies between them: u8 activations per tensor from
the ranges of random pictures, s8 weights per channel, s32 biases.  What comes after the first Reshape or Softmax stays
float.  A yardstick for speed: accuracy is not its business.  Needs Debian's python3-onnx and onnxruntime-node ($ORT_DIR)."""
import json
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    from onnx import helper, numpy_helper
except ImportError as e:
    sys.exit(f"quantize_qdq.py: {e} (Debian: python3-onnx)")

PRODUCTS = {"Conv", "Gemm"}
SAME_SCALE = {"MaxPool", "Split", "Slice", "Resize", "Flatten", "GlobalAveragePool"}  # outputs keep the input's
ONE_INPUT = PRODUCTS | SAME_SCALE | {"Clip", "Relu", "Sigmoid", "AveragePool"}  # the others are parameters
QUANTISED = ONE_INPUT | {"Mul", "Add", "Concat"}


def ranges_of(model, side):
    """Least and largest value of every tensor, with all of them made outputs."""
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    have = {o.name for o in probe.graph.output}
    names = [o for n in probe.graph.node for o in n.output if o and o not in have]
    probe.graph.output.extend(helper.make_empty_tensor_value_info(o) for o in names)
    with tempfile.NamedTemporaryFile(suffix=".onnx") as f:
        onnx.save(probe, f.name)
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ranges.mjs")
        run = subprocess.run(["node", script, f.name, str(side), "3"], capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"quantize_qdq.py: {run.stderr.strip()}")
    return {**json.loads(run.stdout), probe.graph.input[0].name: [0.0, 1.0]}


class Twin:
    """A graph under construction: tensors are quantised when they are made, readers see them dequantised."""

    def __init__(self, graph, ranges):
        self.graph, self.ranges = graph, ranges
        self.constants = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
        self.nodes, self.added, self.seen_as, self.scales = [], {}, {}, {}
        self.outputs = {o.name for o in graph.output}
        self.readers, self.merged = {}, set()
        for n in graph.node:
            for i in n.input:
                self.readers.setdefault(i, []).append(n)

    def constant(self, name, value):
        self.added[name] = numpy_helper.from_array(np.asarray(value), name)
        return name

    def scale_of(self, tensor, like=None):
        if like in self.scales:
            return self.scales[like]
        low, high = self.ranges[tensor]
        scale = max((high - low) / 255, 1e-8)
        return np.float32(scale), np.uint8(np.clip(round(-low / scale), 0, 255))

    def quantise(self, tensor, like=None):
        self.scales[tensor] = scale, zero = self.scale_of(tensor, like)
        by = [self.constant(tensor + "/scale", scale), self.constant(tensor + "/zero", zero)]
        self.nodes.append(helper.make_node("QuantizeLinear", [tensor, *by], [tensor + "/q"]))
        self.nodes.append(helper.make_node("DequantizeLinear", [tensor + "/q", *by], [tensor + "/dq"]))
        self.seen_as[tensor] = tensor + "/dq"

    def weights(self, name, value, scale, axis, kind):
        """A constant as codes behind DequantizeLinear."""
        shape = [-1 if i == axis else 1 for i in range(value.ndim)]
        limit = np.iinfo(kind).max
        codes = np.clip(np.round(value / scale.reshape(shape)), -limit, limit).astype(kind)
        zero = np.zeros(scale.shape, kind)
        by = [self.constant(name + "/" + end, v) for end, v in (("q", codes), ("scale", scale), ("zero", zero))]
        self.nodes.append(helper.make_node("DequantizeLinear", by, [name + "/dq"], axis=axis))
        return name + "/dq"

    def product(self, node):
        w = self.constants[node.input[1]]
        turned = any(a.name == "transB" and a.i for a in node.attribute)
        axis = 0 if node.op_type == "Conv" or turned else 1
        top = np.abs(w).max(axis=tuple(i for i in range(w.ndim) if i != axis))
        scale = np.maximum(top / 127, 1e-10).astype(np.float32)
        base, x = node.output[0], self.scales[node.input[0]][0]
        given = list(node.input)
        given[1] = self.weights(base + "/w", w, scale, axis, np.int8)
        if len(given) > 2 and given[2] in self.constants:
            given[2] = self.weights(base + "/b", self.constants[given[2]], (scale * x).astype(np.float32), 0, np.int32)
        return given

    def operand(self, tensor):
        """What a quantised node reads: constants become codes, and so does what a float node made."""
        if tensor in self.constants and self.constants[tensor].dtype == np.float32:
            value = self.constants[tensor]
            low, high = min(float(value.min()), 0), max(float(value.max()), 0)
            scale = max((high - low) / 255, 1e-8)
            zero = np.uint8(np.clip(round(-low / scale), 0, 255))
            codes = np.clip(np.round(value / scale) + int(zero), 0, 255).astype(np.uint8)
            held = (("q", codes), ("scale", np.float32(scale)), ("zero", zero))
            by = [self.constant(tensor + "/" + end, v) for end, v in held]
            self.nodes.append(helper.make_node("DequantizeLinear", by, [tensor + "/dq"]))
            self.seen_as[tensor] = tensor + "/dq"
        elif tensor in self.ranges and tensor not in self.merged:
            self.quantise(tensor)

    def add(self, node, quantised):
        given = list(node.input)
        for i in (given[:1] if node.op_type in ONE_INPUT else given) if quantised else []:
            if i not in self.seen_as:
                self.operand(i)
        if quantised and node.op_type in PRODUCTS and given[0] in self.scales and given[1] in self.constants:
            given = self.product(node)
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.ClearField("input")
        copy.input.extend(self.seen_as.get(i, i) for i in given)
        self.nodes.append(copy)
        if quantised and self.is_merged(node):
            self.merged.update(node.output)
        if not quantised or self.is_merged(node):
            return
        for o in node.output:
            if o in self.ranges and o not in self.outputs:
                self.quantise(o, node.input[0] if node.op_type in SAME_SCALE else None)

    def is_merged(self, node):
        """A product or sum whose only reader is a ReLU or a clip: they are one for the runtime."""
        after = self.readers.get(node.output[0], [])
        return node.op_type in ("Conv", "Gemm", "Add") and len(after) == 1 and after[0].op_type in ("Relu", "Clip")


def quantize(path):
    model = onnx.load(path)
    g = model.graph
    for n in [n for n in g.node if n.op_type == "Constant" and n.attribute[0].name == "value"]:
        n.attribute[0].t.name = n.output[0]
        g.initializer.append(n.attribute[0].t)
        g.node.remove(n)
    twin = Twin(g, ranges_of(model, g.input[0].type.tensor_type.shape.dim[2].dim_value))
    stays_float = set()
    twin.quantise(g.input[0].name)
    for n in g.node:
        if n.op_type in ("Reshape", "Softmax") or stays_float.intersection(n.input):
            stays_float.update(n.output)
        twin.add(n, n.op_type in QUANTISED and not stays_float.intersection(n.output))
    used = {i for n in twin.nodes for i in n.input}
    constants = [i for i in g.initializer if i.name in used] + [i for name, i in twin.added.items() if name in used]
    for field in ("node", "initializer", "value_info"):
        g.ClearField(field)
    g.node.extend(twin.nodes)
    g.initializer.extend(constants)
    out = path[: -len(".onnx")] + "-int8.onnx"
    onnx.save(model, out)
    print(f"{out}: {len(twin.scales)} tensors of codes, {os.path.getsize(out)} bytes", flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 2 or not all(a.endswith(".onnx") for a in sys.argv[1:]):
        sys.exit("usage: quantize_qdq.py MODEL.onnx...")
    for a in sys.argv[1:]:
        quantize(a)
