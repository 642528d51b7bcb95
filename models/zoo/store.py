"""Stores of photos for training, and how one is shown to a network.

A store is a folder with
    pix.bin    all photos decoded once, 8-bit RGB, one after the other
    ann.json   a list of {src, off, w, h, held, p: [person]}: where it is from (a key of WEIGHT), where its pixels begin, its
               size, 1 if it is kept for evaluation, and the people: {b: [x0, y0, x1, y1], i: 1 = only to be ignored,
               k: null or 17 x [x, y, visible (-1 unknown, 0, 1), weight of its position]}"""
import json
import os
from collections import namedtuple

import cv2
import numpy as np

cv2.setNumThreads(1)

# How often a photo of a source is drawn, beside one of lsp; prepare.py says what these are, scenes.py writes scene.
WEIGHT = dict(lsp=1.0, coco=12.0, vid=1.3, hs=3.5, inet=1.8, fm=1.0, lc=0.5, cats=0.6, scene=1.0)
UNKNOWN, ABSENT = [0, 0, -1, 0], [0, 0, 0, 0]  # joints

Item = namedtuple("Item", "pixels off w h box joints ignore")


class Writer:
    """Writes photos as they come, and what is known of them at the end."""

    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.folder, self.off = folder, 0
        self.pix = open(os.path.join(folder, "pix.bin"), "wb")

    def add(self, rgb, **known):
        """One photo; gives its entry, with nobody in it, for the caller to complete."""
        h, w = rgb.shape[:2]
        entry = dict(known, off=self.off, w=w, h=h, p=[])
        self.pix.write(np.ascontiguousarray(rgb).tobytes())
        self.off += rgb.size
        return entry

    def close(self, entries):
        self.pix.close()
        keys = ("src", "off", "w", "h", "held", "p")
        with open(os.path.join(self.folder, "ann.json"), "w") as f:
            json.dump([{k: e.get(k, 0) for k in keys} for e in entries], f)


def shrink(image, longest):
    """The photo with its longer side at most so long, and the factor."""
    h, w = image.shape[:2]
    f = min(1.0, longest / max(h, w))
    if f < 1:
        image = cv2.resize(image, (round(w * f), round(h * f)), interpolation=cv2.INTER_AREA)
    return image, image.shape[1] / w


def item(pixels, m):
    box = np.array([q["b"] for q in m["p"]], np.float32).reshape(-1, 4)
    ignore = np.array([q["i"] for q in m["p"]], bool).reshape(-1)
    joints = np.zeros((len(box), 17, 4), np.float32)
    joints[:, :, 2] = -1
    for n, q in enumerate(m["p"]):
        if q["k"] is not None:
            joints[n] = q["k"]
    return Item(pixels, m["off"], m["w"], m["h"], box, joints, ignore)


class Store:
    """Photos of several folders, each FOLDER or FOLDER=SHARE: the share of all draws that its photos get.  Folders without
    one divide the rest by the weights of their photos."""

    def __init__(self, folders, held=False):
        self.items, weights, shares = [], [], []
        for spec in folders:
            folder, _, share = spec.partition("=")
            pixels = np.memmap(os.path.join(folder, "pix.bin"), np.uint8, "r")
            with open(os.path.join(folder, "ann.json")) as f:
                entries = [m for m in json.load(f) if bool(m["held"]) == held]
            self.items += [item(pixels, m) for m in entries]
            weights.append(np.array([WEIGHT[m["src"]] for m in entries]))
            shares.append(float(share) if share else None)
        rest = sum(w.sum() for w, s in zip(weights, shares) if s is None)
        left = max(0.0, 1 - sum(s or 0 for s in shares))
        scaled = [w * (left / max(rest, 1e-9) if s is None else s / max(w.sum(), 1e-9)) for w, s in zip(weights, shares)]
        self.cdf = np.cumsum(np.concatenate(scaled))
        if len(self.cdf):
            self.cdf /= self.cdf[-1]

    def __len__(self):
        return len(self.items)

    def image(self, n):
        m = self.items[n]
        return m.pixels[m.off:m.off + m.w * m.h * 3].reshape(m.h, m.w, 3)


def letterbox(image, size):
    """The whole photo, centred on grey 114; also its scale and offset."""
    h, w = image.shape[:2]
    f = min(size / w, size / h)
    nw, nh = round(w * f), round(h * f)
    small = cv2.resize(image, (nw, nh), interpolation=cv2.INTER_AREA if f < 1 else cv2.INTER_LINEAR)
    out = np.full((size, size, 3), 114, np.uint8)
    dx, dy = (size - nw) // 2, (size - nh) // 2
    out[dy:dy + nh, dx:dx + nw] = small
    return out, f, dx, dy
