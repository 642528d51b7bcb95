"""The whole path in a few minutes: smoke.py --out DIR --poise COMMAND [--seconds 120]   (make zoo)

Draws scenes, trains a network from random weights on them, writes it as ONNX, compares what `poise run` makes of it with
torch, quantises it, and judges both with `poise val` on scenes of other seeds.  Fails where the loss did not fall, or where
the network finds no more than chance does."""
import argparse
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SEED, HELD_SEED = 1000, 900000
SIZE = 160  # pixels: four times as many pictures in the time as at 320
# One thread: small steps gain little from two, and on a busy machine these wait for each other (a tenth of the speed).
# One photo at a time rather than mosaics: in so short a time it is best to practise on what the test looks like.
SETTINGS = ["--size", SIZE, "--first", 0, "--batch", 16, "--lr", 4e-3, "--warm", 40, "--mosaics", 0, "--report", 0,
            "--threads", 1, "--workers", 1, "--steps", 300]  # on a slow or busy machine the time is not enough
WINDOW = 20  # steps over which the loss is averaged


def python(script, *arguments):
    subprocess.run([sys.executable, os.path.join(HERE, script), *map(str, arguments)], check=True)


def losses(path):
    """Mean loss of the first and of the last steps."""
    with open(path) as f:
        column = next(f).split("\t").index("loss")
        loss = [float(line.split("\t")[column]) for line in f]
    if len(loss) < 2 * WINDOW:
        sys.exit(f"{path}: only {len(loss)} steps: give it more seconds")
    return sum(loss[:WINDOW]) / WINDOW, sum(loss[-WINDOW:]) / WINDOW, len(loss)


def judge(poise, network, truth):
    said = subprocess.run([poise, "val", network, truth, "--conf", "0.001", "--iou", "0.6", "--max-det", "100", "-o", "json"],
                          check=True, stdout=subprocess.PIPE).stdout
    return json.loads(said)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", required=True)
    ap.add_argument("--poise", required=True)
    ap.add_argument("--seconds", type=float, default=120, help="of training")
    ap.add_argument("--scenes", type=int, default=400, help="to train on")
    ap.add_argument("--held", type=int, default=60, help="to judge by")
    ap.add_argument("--least-ap50", type=float, default=0.35, help="AP50 below which it fails")
    a = ap.parse_args()
    scenes, held, network, quantised = (os.path.join(a.out, n) for n in ("scenes", "held", "zoo.onnx", "zoo-int8.poise"))
    python("scenes.py", "--out", scenes, "--frames", a.scenes, "--seed", SEED, "--poise", a.poise, "--", "--size", "240x320")
    python("scenes.py", "--out", held, "--frames", a.held, "--held", a.held, "--seed", HELD_SEED, "--poise", a.poise)
    python("train.py", "--data", scenes, "--out", a.out, "--minutes", a.seconds / 60, *SETTINGS)
    python("export.py", os.path.join(a.out, "final.pt"), network, "--size", SIZE, "--check", a.poise)
    subprocess.run([a.poise, "quantize", network, quantised, "--calib", os.path.join(scenes, "pictures"), "--samples", "60",
                    "--force", "-o", "json", "--quiet"], check=True, stdout=subprocess.DEVNULL)
    python("evaluate.py", network, "--size", SIZE, "--data", held)
    began, ended, steps = losses(os.path.join(a.out, "loss.tsv"))
    rows = [(name, judge(a.poise, path, os.path.join(held, "pictures", "truth.json")))
            for name, path in (("fp32", network), ("int8", quantised))]
    print(f"\n{a.held} scenes that it has not seen, by poise val\n{'':6}{'AP50':>8}{'AP':>8}{'PCK@0.2':>9}")
    for name, r in rows:
        print(f"{name:6}{r['map50']:8.3f}{r['map']:8.3f}{r['pck']:9.3f}")
    print(f"loss {began:.2f} in the first, {ended:.2f} in the last {WINDOW} of {steps} steps")
    if not ended < began:
        sys.exit("zoo: the loss did not fall")
    for name, r in rows:
        if not r["map50"] >= a.least_ap50:
            sys.exit(f"zoo: AP50 of {name} is {r['map50']:.3f}, below {a.least_ap50}")
    print(f"zoo: ok; {network}, {quantised}")


if __name__ == "__main__":
    main()
