"""Drawn scenes as a store: scenes.py --out STORE [--frames 400] [--seed 1] [--held 0] [--poise COMMAND]

`poise scene` draws them and says where everybody is; the same seed is the same scene everywhere.  To mix them with photos,
give train.py both stores, with a share: --data PHOTOS STORE=0.15.  The picture files and their truth stay in STORE/pictures,
where `poise val` and `poise quantize` read them."""
import argparse
import json
import os
import subprocess

import cv2

import store


def draw(poise, folder, frames, seed, options=()):
    """Pictures and truth.json in a folder; gives the path of the truth."""
    os.makedirs(folder, exist_ok=True)
    truth = os.path.join(folder, "truth.json")
    subprocess.run([poise, "scene", folder, "--stills", "--frames", str(frames), "--seed", str(seed), "--truth", truth,
                    "--quiet", *options], check=True)
    return truth


def person(a, r):
    """One annotation of a picture that was shrunk by r."""
    x, y, w, h = (v * r for v in a["bbox"])
    k = a["keypoints"]
    joints = [[k[i] * r, k[i + 1] * r, 1, 1] if k[i + 2] > 0 else store.ABSENT for i in range(0, len(k), 3)]
    return dict(b=[x, y, x + w, y + h], i=a["iscrowd"], k=joints)  # the hardly visible are a crowd in the truth


def pack(truth, out, longest, held):
    """The annotated pictures as a store, the last `held` of them for evaluation."""
    with open(truth) as f:
        coco = json.load(f)
    people = {}
    for a in coco["annotations"]:
        if a["category_id"] == 1:
            people.setdefault(a["image_id"], []).append(a)
    writer, entries = store.Writer(out), []
    for n, image in enumerate(coco["images"]):
        rgb = cv2.imread(os.path.join(os.path.dirname(truth), image["file_name"]))[..., ::-1]
        rgb, r = store.shrink(rgb, longest)
        entry = writer.add(rgb, src="scene", held=int(n >= len(coco["images"]) - held))
        entry["p"] = [person(a, r) for a in people.get(image["id"], [])]
        entries.append(entry)
    writer.close(entries)
    return len(entries), sum(len(e["p"]) for e in entries)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", required=True)
    ap.add_argument("--frames", type=int, default=400)
    ap.add_argument("--held", type=int, default=0, help="how many of them are for evaluation")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--longest", type=int, default=480, help="longer side in the store")
    ap.add_argument("--poise", default="poise", help="the command")
    ap.add_argument("options", nargs="*", help="more for `poise scene`, after --: --vehicles 3")
    a = ap.parse_args()
    truth = draw(a.poise, os.path.join(a.out, "pictures"), a.frames, a.seed, a.options)
    print("%d scenes, %d people" % pack(truth, a.out, a.longest, a.held))


if __name__ == "__main__":
    main()
