"""How good weights are: evaluate.py WEIGHTS [--data STORE...] [--images DIR --labels DIR]

On photos with YOLO labels, or on those that a store keeps for evaluation: AP of people's boxes as COCO has it, PCK@0.2 as
`poise val` has it (docs/ZOO.md), and recall by size.  WEIGHTS are a checkpoint of train.py or an ONNX file of export.py.
The network runs in torch here; what counts in the end is `poise val` on the exported file, which takes COCO annotations too.
For pictures: `poise predict EXPORTED.onnx PHOTOS --save`."""
import argparse
import glob
import os

import cv2
import numpy as np
import torch

import store
import weights
from model import Deploy

LEVELS = np.arange(0.5, 0.96, 0.05)  # of IoU
SIZES = (0, 24, 48, 96, 192, np.inf)  # longer sides in pixels of the network


def iou(a, b, crowd=None):
    """[n,m]; with a crowd, how much of a lies in it."""
    wh = np.minimum(a[:, None, 2:4], b[None, :, 2:4]) - np.maximum(a[:, None, :2], b[None, :, :2])
    inter = np.prod(np.clip(wh, 0, None), 2)
    area_a, area_b = (np.prod(t[:, 2:4] - t[:, :2], 1) for t in (a, b))
    union = area_a[:, None] + area_b[None] - inter
    if crowd is not None:
        union = np.where(crowd[None], area_a[:, None], union)
    return inter / np.maximum(union, 1e-9)


def nms(box, score, most):
    order, keep = np.argsort(-score, kind="stable"), []
    while len(order):
        keep.append(order[0])
        rest = order[1:]
        order = rest[iou(box[order[:1]], box[rest])[0] <= most]
    return np.array(keep, int)


def decode(out, scale, dx, dy, conf, overlap, top=100):
    """The network's [56,A] -> [n,56] with x0, y0, x1, y1, score and joints in pixels of the photo, best first"""
    o = out.T[out[4] > conf]
    o = o[np.argsort(-o[:, 4], kind="stable")[:1000]]
    r = o.copy()
    r[:, 0:2] = o[:, 0:2] - o[:, 2:4] / 2
    r[:, 2:4] = o[:, 0:2] + o[:, 2:4] / 2
    r = r[nms(r[:, :4], r[:, 4], overlap)[:top]]
    for columns, d in (((0, 2), dx), ((1, 3), dy), (slice(5, None, 3), dx), (slice(6, None, 3), dy)):
        r[:, columns] = (r[:, columns] - d) / scale
    return r


def detect(net, photos, size, conf=0.001, overlap=0.6, batch=16):
    """One array of decode() for each photo."""
    found, deploy = [], Deploy(net, size).eval()
    for n in range(0, len(photos), batch):
        shown = [store.letterbox(p, size) for p in photos[n:n + batch]]
        x = torch.from_numpy(np.stack([s[0] for s in shown])).permute(0, 3, 1, 2).float() / 255
        with torch.no_grad():
            out = deploy(x).numpy()
        for o, (_, f, dx, dy), p in zip(out, shown, photos[n:n + batch]):
            r = decode(o, f, dx, dy, conf, overlap)
            r[:, [0, 2]] = r[:, [0, 2]].clip(0, p.shape[1])
            r[:, [1, 3]] = r[:, [1, 3]].clip(0, p.shape[0])
            found.append(r)
    return found


def match(found, box, ignore, level):
    """Who takes whom: for each found the box, -1 = nobody; the best that is free, those to be ignored (by many) last."""
    u, free, took = iou(found, box, ignore), np.ones(len(box), bool), np.full(len(found), -1)
    for n in range(len(found)):
        for those in (~ignore & free, ignore):
            v = np.where(those, u[n], -1)
            if len(v) and v.max() >= level:
                took[n] = v.argmax()
                free[took[n]] &= ignore[took[n]]
                break
    return took


def average_precision(found, items):
    """AP at IoU .50, and its mean over LEVELS, from 101 points of recall."""
    total, ap = sum((~t.ignore).sum() for t in items), []
    for level in LEVELS:
        score, right = [], []
        for d, t in zip(found, items):
            took = match(d, t.box, t.ignore, level)
            counts = (took < 0) | ~np.append(t.ignore, False)[took]
            score.append(d[counts, 4])
            right.append(took[counts] >= 0)
        order = np.argsort(-np.concatenate(score), kind="stable")
        hits = np.cumsum(np.concatenate(right)[order])
        precision = hits / np.arange(1, len(hits) + 1)
        precision = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0)
        ap.append(np.mean(precision[np.searchsorted(hits / max(total, 1), np.linspace(0, 1, 101))]))
    return ap[0], float(np.mean(ap))


def pck(found, items):
    """PCK@0.2 over everybody with a torso, and the number of these people."""
    right = labelled = people = 0
    for d, t in zip(found, items):
        took = match(d, t.box, t.ignore, 0.5)
        for n, k in enumerate(t.joints):
            known = k[:, 3] > 0
            ends = [(a, b) for a, b in ((5, 12), (6, 11)) if known[a] and known[b]]
            if t.ignore[n] or not ends:
                continue
            torso = np.hypot(*(k[ends[0][0], :2] - k[ends[0][1], :2]))
            people += 1
            labelled += known.sum()
            for j in np.nonzero(took == n)[0]:
                away = np.hypot(d[j, 5::3] - k[:, 0], d[j, 6::3] - k[:, 1])
                right += (known & (away <= 0.2 * torso)).sum()
    return right / max(labelled, 1), people


def recall_by_size(found, items, photos, size, conf):
    """Of people above the score, how many were found by longer side in pixels of the network; and the precision."""
    got, there = np.zeros(len(SIZES) - 1, int), np.zeros(len(SIZES) - 1, int)
    said = wrong = 0
    for d, t, p in zip(found, items, photos):
        took = match(d[d[:, 4] > conf], t.box, t.ignore, 0.5)
        side = (t.box[:, 2:] - t.box[:, :2]).max(1) * size / max(p.shape[:2])
        bins = np.digitize(side, SIZES) - 1
        np.add.at(there, bins[~t.ignore], 1)
        np.add.at(got, bins[np.isin(np.arange(len(bins)), took) & ~t.ignore], 1)
        said, wrong = said + len(took), wrong + (took < 0).sum()
    return got, there, 1 - wrong / max(said, 1)


def read_yolo(images, labels):
    """Photos, and their people (class 0) as items of a store without joints."""
    photos, items = [], []
    for path in sorted(glob.glob(os.path.join(images, "*.jpg"))):
        text = os.path.join(labels, os.path.basename(path)[:-4] + ".txt")
        if not os.path.exists(text):
            continue
        photo = np.ascontiguousarray(cv2.imread(path)[..., ::-1])
        h, w = photo.shape[:2]
        with open(text) as f:
            rows = [[float(v) for v in line.split()[:5]] for line in f if line.strip()]
        b = np.array([r[1:] for r in rows if r[0] == 0]).reshape(-1, 4) * (w, h, w, h)
        people = [dict(b=[x - e / 2, y - g / 2, x + e / 2, y + g / 2], i=0, k=None) for x, y, e, g in b]
        photos.append(photo)
        items.append(store.item(None, dict(off=0, w=w, h=h, p=people)))
    return photos, items


def held_photos(folders):
    s = store.Store(folders, held=True)
    return [s.image(n) for n in range(len(s))], s.items


def report(net, size, photos, items):
    found = detect(net, photos, size)
    ap50, ap = average_precision(found, items)
    share, people = pck(found, items)
    joints = f"  PCK@0.2 {share:.3f} of {people} people" if people else ""
    return f"{len(photos)} photos, AP50 {ap50:.3f}  AP50-95 {ap:.3f}{joints}", found


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("weights")
    ap.add_argument("--size", type=int, default=256)
    ap.add_argument("--data", nargs="+", default=[], help="stores: the photos they keep for evaluation")
    ap.add_argument("--images")
    ap.add_argument("--labels")
    ap.add_argument("--conf", type=float, default=0.3, help="least score for precision and recall")
    a = ap.parse_args()
    net = weights.load(a.weights)
    sets = [held_photos(a.data)] if a.data else []
    if a.images:
        sets.append(read_yolo(a.images, a.labels))
    for photos, items in sets:
        text, found = report(net, a.size, photos, items)
        got, there, precision = recall_by_size(found, items, photos, a.size, a.conf)
        print(text)
        print(f"above {a.conf}: precision {precision:.3f}, recall by longer side in pixels of the network: "
              + ", ".join(f"{low}-{'' if np.isinf(high) else high} {g}/{n}"
                          for low, high, g, n in zip(SIZES, SIZES[1:], got, there)))


if __name__ == "__main__":
    main()
