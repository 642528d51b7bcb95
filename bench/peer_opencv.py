#!/usr/bin/python3
"""One model in OpenCV's DNN: peer_opencv.py MODEL THREADS RUNS NAME=1x3x640x640...   (Debian: python3-opencv)
Prints {"min_ms","median_ms","p99_ms","runs","peak_rss_mb"}, as ort.mjs does."""
import json
import resource
import sys
import time

import cv2
import numpy as np

model, threads, runs, *shapes = sys.argv[1:]
cv2.setNumThreads(int(threads))
try:
    net = cv2.dnn.readNetFromONNX(model)
except cv2.error as e:
    sys.exit("OpenCV " + cv2.__version__ + ": " + " ".join((e.err or str(e)).split()))
net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
net.setPreferableTarget(cv2.dnn.DNN_TARGET_CPU)
rng = np.random.default_rng(1)
inputs = {}
for s in shapes:
    name, dims = s.rsplit("=", 1)
    inputs[name] = rng.random([int(d) for d in dims.split("x")], dtype=np.float32)
outputs = net.getUnconnectedOutLayersNames()
ms = []
for i in range(-3, int(runs)):
    for name, data in inputs.items():
        net.setInput(data, name)
    begin = time.perf_counter()
    net.forward(outputs)
    if i >= 0:
        ms.append((time.perf_counter() - begin) * 1e3)
ms.sort()
print(json.dumps({"min_ms": ms[0], "median_ms": ms[len(ms) // 2], "p99_ms": ms[min(len(ms) - 1, int(len(ms) * 0.99))],
                  "runs": len(ms), "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
