"""Two networks that label what no annotation covers: YOLOX-nano people, MoveNet Lightning their joints (both Apache-2.0).
They only label; no weight of theirs is used.  Both run in Node: boxes with onnxruntime-node, joints with @litertjs/core."""
import json
import os
import subprocess
import threading

import cv2
import numpy as np

from augment import FLIP, GREY
from evaluate import nms
from store import ABSENT, UNKNOWN

HERE = os.path.dirname(os.path.abspath(__file__))
YOLOX_SIDE, CROP_SIDE = 416, 192


def ask(command, pictures):
    """Feeds pictures to a process, and yields what its lines of JSON say."""
    p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def feed():
        for x in pictures:
            p.stdin.write(x.tobytes())
        p.stdin.close()
    threading.Thread(target=feed, daemon=True).start()
    for line in p.stdout:
        yield json.loads(line)
    if p.wait():
        raise SystemExit(f"{command[1]}: failed")


def boxes(entries, photo, model):
    """For each photo [n,5] x0, y0, x1, y1, score of people."""
    def shown():
        for m in entries:
            f = YOLOX_SIDE / max(m["w"], m["h"])
            canvas = np.full((YOLOX_SIDE, YOLOX_SIDE, 3), GREY, np.uint8)
            small = cv2.resize(photo(m), (round(m["w"] * f), round(m["h"] * f)))
            canvas[:small.shape[0], :small.shape[1]] = small[..., ::-1]
            yield canvas
    for m, d in zip(entries, ask(["node", os.path.join(HERE, "teach_boxes.js"), model], shown())):
        d = np.array(d).reshape(-1, 5)
        f = YOLOX_SIDE / max(m["w"], m["h"])
        b = np.concatenate((d[:, :2] - d[:, 2:4] / 2, d[:, :2] + d[:, 2:4] / 2), 1) / f
        b = b.clip(0, [m["w"], m["h"]] * 2)
        k = nms(b, d[:, 4], 0.6)
        yield np.concatenate((b[k], d[k, 4:]), 1)


def window(box):
    """Corner and side of the square that MoveNet sees."""
    side = 1.25 * max(box[2] - box[0], box[3] - box[1], 8)
    return (box[0] + box[2]) / 2 - side / 2, (box[1] + box[3]) / 2 - side / 2, side


def joints(entries, photo, model, litert):
    """Labels joints of everybody from LSP, and of sure and large enough people without any; gives counts of what was done."""
    todo = []
    for m in entries:
        for p in m["p"]:
            b = p["b"]
            large = min(b[2] - b[0], b[3] - b[1]) > 32 and p.get("score", 0) > 0.5 and p["k"] is None
            if not p["i"] and (p["from"] == "lsp" or large):
                todo.append((m, p))

    def shown():
        for m, p in todo:
            x, y, side = window(p["b"])
            f = CROP_SIDE / side
            yield cv2.warpAffine(photo(m), np.array([[f, 0, -x * f], [0, f, -y * f]]), (CROP_SIDE, CROP_SIDE))
    run = ["node", "--experimental-wasm-relaxed-simd", os.path.join(HERE, "teach_points.mjs"), model, litert]
    done = dict(asked=len(todo), agreed=0, swapped=0, labelled=0)
    for (m, p), z in zip(todo, ask(run, shown())):
        z = np.array(z).reshape(17, 3)
        x, y, side = window(p["b"])
        use(m, p, np.stack((x + z[:, 1] * side, y + z[:, 0] * side, z[:, 2]), 1), done)
    return done


def use(m, p, z, done):
    """Completes the joints of one person by what the teacher says, z 17 x (x, y, score)."""
    inside = (z[:, 0] >= 0) & (z[:, 0] < m["w"]) & (z[:, 1] >= 0) & (z[:, 1] < m["h"])

    def take(j, least, weight):
        if z[j, 2] > least and inside[j]:
            return [float(z[j, 0]), float(z[j, 1]), 1, weight]
        return ABSENT if z[j, 2] < 0.12 else UNKNOWN
    if p["from"] != "lsp":
        if np.median(z[:, 2]) >= 0.2:
            p["k"] = [take(j, 0.35, 0.5) for j in range(17)]
            done["labelled"] += 1
        return
    b, best = p["b"], None
    near = 0.12 * max(b[2] - b[0], b[3] - b[1])
    for order in (list(range(17)), FLIP):
        k = np.array(p["k"])[order]
        known = k[:, 3] > 0
        if known.sum() < 4:
            return
        agree = (np.hypot(k[:, 0] - z[:, 0], k[:, 1] - z[:, 1])[known] < near).mean()
        # Labels of that set are sometimes mirrored: a teacher who is sure is believed.
        if best is None or (agree - best[2] > 0.5 and z[5:, 2].mean() > 0.45):
            done["swapped"] += best is not None
            best = (k, known, agree)
    k, known, agree = best
    k = k.tolist()
    done["agreed"] += agree > 0.5
    for j in range(17):
        if agree > 0.5 and j < 5:
            k[j] = take(j, 0.35, 0.6)
        elif agree > 0.5 and not known[j]:
            k[j] = take(j, 0.5, 0.4)
        elif j >= 5 and not known[j] and z[j, 2] > 0.3:
            k[j] = UNKNOWN
    p["k"] = k
