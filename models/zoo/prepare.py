"""Folders of photos as a store: how the data of the network in the command was made.

    prepare.py --out STORE --lsp DIR [--coco DIR] [--photos KIND=DIR...] [--hold DIR...]
               --yolox yolox_nano_416.onnx --movenet movenet_lightning_int8.tflite --litert node_modules/@litertjs/core

--lsp     Leeds Sports Pose Extended: images/im00001.jpg and so on, joints.mat; 300 are kept for evaluation
--coco    train2017/, val2017/, annotations/instances_*.json and person_keypoints_*.json
--photos  photos without labels; KIND is a key of LONGEST
--hold    folders of pictures whose names must not be among those of COCO that are trained on
NODE_PATH must lead to onnxruntime-node."""
import argparse
import glob
import json
import os

import cv2
import numpy as np
import scipy.io

import store
import teachers
from evaluate import iou

LONGEST = dict(lsp=320, coco=448, inet=400, cats=400, hs=400, fm=360, lc=360, vid=480)  # sides in the store
COCO_SETS = ("train2017", "val2017")
# Joints of LSP in COCO's order; neck and top of the head have no counterpart.
JOINT = {0: 16, 1: 14, 2: 12, 3: 11, 4: 13, 5: 15, 6: 10, 7: 8, 8: 6, 9: 5, 10: 7, 11: 9}
SURE, DOUBTFUL = 0.4, 0.18  # scores: a person; somebody to be ignored


def stem(path):
    return os.path.splitext(os.path.basename(path))[0].lstrip("0")


def pictures(folder):
    return sorted(f for e in ("jpg", "jpeg", "png", "JPEG")
                  for f in glob.glob(os.path.join(folder, "**", "*." + e), recursive=True))


def pack(jobs, writer):
    """Every photo once, in the size of its kind."""
    entries = []
    for kind, path in jobs:
        image = cv2.imread(path)
        if image is None or (kind == "fm" and max(image.shape) < 160):
            continue
        image, r = store.shrink(image, LONGEST[kind])
        entries.append(writer.add(image[..., ::-1], src=kind, file=path, r=r))
    return entries


def found_person(b, sure):
    return dict(b=b[:4].tolist(), k=None, i=int(not sure), **{"from": "yolox", "score": float(b[4])})


def lsp_people(m, joints, found):
    """The labelled one, in the box that fits the joints, and others that were found."""
    j = joints.copy()
    j[:, :2] *= m["r"]
    v = j[:, 2] > 0
    x, y = j[v, 0], j[v, 1]
    k = [store.UNKNOWN] * 17
    for a, c in JOINT.items():
        inside = 0 <= j[a, 0] < m["w"] and 0 <= j[a, 1] < m["h"]
        k[c] = [float(j[a, 0]), float(j[a, 1]), 1, 1] if v[a] and inside else store.ABSENT
    e = 0.06 * max(np.ptp(x), np.ptp(y)) if v.sum() > 1 else 1.2
    box = np.array([x.min() - e, y.min() - e, x.max() + e, y.max() + e]).clip(0, [m["w"], m["h"]] * 2)
    own = -1
    if len(found):
        holds = np.array([np.mean((x > b[0] - 4) & (x < b[2] + 4) & (y > b[1] - 4) & (y < b[3] + 4)) for b in found])
        u = iou(box[None], found[:, :4])[0] * (holds > 0.75) * (found[:, 4] > 0.15)
        if u.max() > 0.5:
            own = int(u.argmax())
            box = found[own, :4]
    people = [dict(b=box.tolist(), k=k, i=0, **{"from": "lsp"})]
    for n, b in enumerate(found):
        if n == own or iou(box[None], b[None, :4])[0, 0] > 0.55:
            continue
        wh = np.clip(np.minimum(b[2:4], box[2:]) - np.maximum(b[:2], box[:2]), 0, None)
        part = wh.prod() / (np.prod(b[2:4] - b[:2]) + 1e-6)
        sure = b[4] > SURE and not (part > 0.8 and b[4] < 0.6)
        if sure or b[4] >= DOUBTFUL:
            people.append(found_person(b, sure))
    return people


def found_people(m, found):
    sure = [b[4] > SURE and m["src"] != "cats" for b in found]  # traffic from above: nobody is sure there
    return [found_person(b, s) for b, s in zip(found, sure) if s or b[4] >= DOUBTFUL]


class Coco:
    """People of the annotated photos."""

    def __init__(self, folder):
        self.people, self.joints, self.known = {}, {}, set()
        for name in COCO_SETS if folder else ():
            with open(os.path.join(folder, "annotations", f"instances_{name}.json")) as f:
                held = json.load(f)
            self.known |= {i["id"] for i in held["images"]}
            for a in held["annotations"]:
                if a["category_id"] == 1:
                    self.people.setdefault(a["image_id"], []).append(a)
            with open(os.path.join(folder, "annotations", f"person_keypoints_{name}.json")) as f:
                self.joints.update((a["id"], a) for a in json.load(f)["annotations"])

    def of(self, m):
        people, r = [], m["r"]
        for a in self.people.get(int(stem(m["file"])), []):
            x, y, w, h = (t * r for t in a["bbox"])
            k, known = None, self.joints.get(a["id"])
            if known is not None and known["num_keypoints"] > 0:
                k = [[p[0] * r, p[1] * r, 1, 1] if p[2] > 0 else store.ABSENT
                     for p in np.array(known["keypoints"], float).reshape(17, 3).tolist()]
            people.append(dict(b=[x, y, x + w, y + h], k=k, i=int(a["iscrowd"]), **{"from": "coco", "score": 1.0}))
        return people


def rounded(p):
    k = p["k"] and [[round(v, 2) for v in q] for q in p["k"]]
    return dict(b=[round(v, 2) for v in p["b"]], i=p["i"], k=k)


def options():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", required=True)
    ap.add_argument("--lsp", required=True)
    ap.add_argument("--coco")
    ap.add_argument("--photos", nargs="*", default=[])
    ap.add_argument("--hold", nargs="*", default=[])
    ap.add_argument("--yolox", required=True)
    ap.add_argument("--movenet", required=True)
    ap.add_argument("--litert", required=True)
    ap.add_argument("--limit", type=int, help="at most so many photos of a folder, for a trial")
    return ap.parse_args()


def main():
    a = options()
    hold = {stem(f) for d in a.hold for f in pictures(d)}
    folders = [("lsp", os.path.join(a.lsp, "images"))] + [tuple(p.split("=", 1)) for p in a.photos]
    folders += [("coco", os.path.join(a.coco, name)) for name in COCO_SETS if a.coco]
    jobs = [(kind, f) for kind, d in folders
            for f in [f for f in pictures(d) if kind != "coco" or stem(f) not in hold][:a.limit]]
    writer = store.Writer(a.out)
    entries = pack(jobs, writer)
    writer.pix.flush()
    pixels = np.memmap(os.path.join(a.out, "pix.bin"), np.uint8, "r")

    def photo(m):
        return pixels[m["off"]:m["off"] + m["w"] * m["h"] * 3].reshape(m["h"], m["w"], 3)
    joints = scipy.io.loadmat(os.path.join(a.lsp, "joints.mat"))["joints"]
    held = set(np.random.RandomState(7).permutation(10000)[:300].tolist())
    coco = Coco(a.coco)
    for m, found in zip(entries, teachers.boxes(entries, photo, a.yolox)):
        if m["src"] == "lsp":
            n = int(stem(m["file"])[2:]) - 1
            m["held"] = int(n in held)
            m["p"] = lsp_people(m, joints[:, :, n], found)
        elif m["src"] == "coco" and int(stem(m["file"])) in coco.known:
            m["p"] = coco.of(m)
        else:
            m["p"] = found_people(m, found)
    print(teachers.joints(entries, photo, a.movenet, a.litert))
    for m in entries:
        m["p"] = [rounded(p) for p in m["p"]]
    writer.close(entries)
    people = [p for m in entries for p in m["p"] if not p["i"]]
    print(f"{len(entries)} photos, {len(people)} people, {sum(p['k'] is not None for p in people)} with joints")


if __name__ == "__main__":
    main()
