"""Weights as a static ONNX file: export.py WEIGHTS OUT.onnx [--size 256] [--check COMMAND]

Input   images   [1,3,S,S] float32, RGB, 0..1: the whole picture, letterboxed with grey 114.
Output  output0  [1,56,A]: cx, cy, w, h in pixels, score of a person, 17 x (x, y, visibility).
--check runs the file with `poise run` on a random picture and fails where a box or joint is off by more than 0.01 pixels, or
a score by more than 0.0001.  `make bench-golden BENCH_MODELS=OUT.onnx` compares with ONNX Runtime."""
import argparse
import copy
import os
import subprocess
import sys
import tempfile
import warnings
from collections import Counter

import numpy as np
import onnx
import torch
import torch.nn as nn

import weights
from model import JOINTS, Deploy

warnings.filterwarnings("ignore", message="The shape inference of prim::Constant")  # torch 1.13, of every constant
TOLERANCE, SCORE_TOLERANCE = 1e-2, 1e-4


def tidy(m):
    """Constant nodes become initializers; Identity nodes and text about where things come from go."""
    g, alias, keep = m.graph, {}, []
    for n in g.node:
        if n.op_type == "Constant":
            t = onnx.TensorProto()
            t.CopyFrom(n.attribute[0].t)
            t.name = n.output[0]
            g.initializer.append(t)
        elif n.op_type == "Identity":
            alias[n.output[0]] = n.input[0]
        else:
            keep.append(n)
    for n in keep:
        n.doc_string = ""
        for i, name in enumerate(n.input):
            while name in alias:
                name = alias[name]
            n.input[i] = name
    used = {name for n in keep for name in n.input}
    initializers = [t for t in g.initializer if t.name in used]
    del g.node[:], g.initializer[:]
    g.node.extend(keep)
    g.initializer.extend(initializers)
    m.producer_name, m.producer_version, m.doc_string = "poise", "", ""
    return m


def describe(m, size, licence):
    known = dict(description="poise-person: one-stage person detector with 17 COCO keypoints", author="Poise", version="1",
                 license=licence, task="pose", batch="1", stride="32", imgsz=str([size, size]), names=str({0: "person"}),
                 kpt_shape=str([JOINTS, 3]))
    for k, v in known.items():
        p = m.metadata_props.add()
        p.key, p.value = k, v
    return m


def multiply_accumulates(net, size):
    """Of all convolutions, for one picture."""
    total, hooks = [0], []

    def count(module, _, out):
        total[0] += module.weight.numel() * out.shape[2] * out.shape[3]
    for m in net.modules():
        if isinstance(m, nn.Conv2d):
            hooks.append(m.register_forward_hook(count))
    with torch.no_grad():
        net(torch.zeros(1, 3, size, size))
    for h in hooks:
        h.remove()
    return total[0]


def check(poise, path, x, want):
    """Largest differences of what `poise run` says: in pixels (visibilities too), and of scores."""
    with tempfile.TemporaryDirectory() as d:
        np.save(os.path.join(d, "x.npy"), x.numpy())
        subprocess.run([poise, "run", path, os.path.join(d, "x.npy"), "-o", d, "--precision", "exact", "--quiet"], check=True)
        away = np.abs(np.load(os.path.join(d, "output0.npy")) - want.numpy())
    return away.max(), away[:, 4].max()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("weights")
    ap.add_argument("out")
    ap.add_argument("--size", type=int, default=256)
    ap.add_argument("--mix", nargs=2, metavar=("WEIGHTS", "SHARE"), help="mix in a share 0..1 of what was trained on from these")
    ap.add_argument("--license", default="Apache-2.0")
    ap.add_argument("--check", metavar="COMMAND")
    a = ap.parse_args()
    net = weights.load(a.weights)
    if a.mix:
        net = weights.mix(net, weights.load(a.mix[0]), float(a.mix[1]))
    as_trained = Deploy(copy.deepcopy(net), a.size).eval()
    deploy = Deploy(weights.fold(net), a.size).eval()
    x = torch.rand(1, 3, a.size, a.size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.onnx.export(deploy, x, a.out, opset_version=13, input_names=["images"], output_names=["output0"])
        trained, folded = as_trained(x), deploy(x)
    m = describe(tidy(onnx.load(a.out)), a.size, a.license)
    onnx.checker.check_model(m)
    onnx.save(m, a.out)
    print(f"{a.out}: {os.path.getsize(a.out)} bytes, {sum(p.numel() for p in net.parameters())} parameters, "
          f"{multiply_accumulates(net, a.size) / 1e6:.1f} million multiply-accumulates")
    print("operators:", ", ".join(f"{k} {v}" for k, v in sorted(Counter(n.op_type for n in m.graph.node).items())))
    print(f"batch norms folded: largest difference {(trained - folded).abs().max():.1e}")
    if a.check:
        away, score = check(a.check, a.out, x, folded)
        print(f"poise against torch: largest difference {away:.1e} (pixels), scores {score:.1e}")
        if not (away <= TOLERANCE and score <= SCORE_TOLERANCE):
            sys.exit(f"{a.out}: more than {TOLERANCE} pixels or {SCORE_TOLERANCE} of score between poise and torch")


if __name__ == "__main__":
    main()
