"""Trains a poise-person on the CPU for a given time: train.py --data STORE... --out DIR [--minutes 60] [--init WEIGHTS]

From random numbers, or from a checkpoint or an ONNX file of its own kind.  AdamW, warm-up, then a cosine over the time; an
average of the weights is what is kept.  The first part of the time sees smaller pictures, the last tenth no mosaics.
DIR gets final.pt and loss.tsv (a line for each step)."""
import argparse
import copy
import math
import multiprocessing
import os
import time

import torch
import torch.nn as nn

import evaluate
import store
import weights
from augment import Batches
from loss import PARTS, Heat, Loss
from model import Net, flatten


def has_bf16():
    """Whether the processor multiplies bf16: elsewhere it is slower than fp32."""
    try:
        with open("/proc/cpuinfo") as f:
            return any(w in f.read() for w in ("avx512_bf16", "amx_bf16"))
    except OSError:
        return False


def groups(modules, decay):
    """Matrices decay, biases and norms do not."""
    p = list(modules.parameters())
    return [dict(params=[v for v in p if v.ndim > 1], weight_decay=decay),
            dict(params=[v for v in p if v.ndim <= 1], weight_decay=0.0)]


def follow(average, net, step):
    """Moves the averaged weights: quickly at first, later over 500 steps."""
    keep = min(0.998, (1 + step) / (20 + step))
    for p, q in zip(average.state_dict().values(), net.state_dict().values()):
        if p.dtype.is_floating_point:
            p.mul_(keep).add_(q.detach(), alpha=1 - keep)
        else:
            p.copy_(q)


def picture(images):
    return images.permute(0, 3, 1, 2).float().div_(255)


class Training:
    def __init__(self, a):
        self.a = a
        self.size = multiprocessing.Value("i", a.first_size if a.first > 0 else a.size)
        self.plain = multiprocessing.Value("i", 0)
        self.store = store.Store(a.data)
        self.bf16 = has_bf16() if a.precision == "auto" else a.precision == "bf16"
        batches = Batches(self.store, a.batch, self.size, self.plain, a.mosaics, seed=1000 * a.seed + 17)
        self.batches = iter(torch.utils.data.DataLoader(batches, batch_size=None, num_workers=a.workers, prefetch_factor=3))
        net = weights.load(a.init) if a.init else Net()
        if a.init and a.init.endswith(".onnx"):
            weights.settle(net, (picture(next(self.batches)[0]) for _ in range(8)))
        self.net = net.train().to(memory_format=torch.channels_last)
        for _, m in weights.normed(net) if a.keep_norms else ():
            m.bn.eval()
        self.average = copy.deepcopy(self.net).eval()
        self.heat = Heat()
        self.optimiser = torch.optim.AdamW(groups(nn.ModuleList((self.net, self.heat)), a.decay), lr=a.lr, betas=(0.9, 0.99))
        self.losses = {}
        self.steps = self.seen = 0

    def schedule(self, part):
        """Sets rate, size and mosaics for a part 0..1 of the time."""
        a = self.a
        part = a.begin + (1 - a.begin) * part
        if part > a.first:
            self.size.value = a.size
        self.plain.value = part > 0.9
        cosine = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * part))
        for g in self.optimiser.param_groups:
            g["lr"] = a.lr * min(1.0, (self.steps + 1) / a.warm) * cosine

    def step(self, images, *people):
        """One batch; gives loss and its parts."""
        size = images.shape[1]
        if size not in self.losses:
            self.losses[size] = Loss(size)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bf16):
            maps, features = self.net.train_maps(picture(images))
            if self.a.init and self.steps < self.a.warm:  # new heat maps must not disturb features that are old
                features = [f.detach() for f in features]
            heat_maps = self.heat(features)
        loss, parts = self.losses[size](flatten(maps), *people)
        heat = self.heat.loss(heat_maps, *people)
        loss = loss + self.a.heat * heat
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if torch.isfinite(nn.utils.clip_grad_norm_(self.net.parameters(), 10.0)):
            self.optimiser.step()
        self.steps += 1
        self.seen += len(images)
        follow(self.average, self.net, self.steps)
        return [float(v) for v in (loss, *parts, heat)]

    def save(self, name):
        torch.save(dict(ema=self.average.state_dict(), steps=self.steps, pictures=self.seen), os.path.join(self.a.out, name))


def options():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--data", nargs="+", required=True, help="stores, each FOLDER or FOLDER=SHARE of what is drawn")
    ap.add_argument("--out", required=True)
    ap.add_argument("--minutes", type=float, default=60)
    ap.add_argument("--steps", type=int, default=1, help="at least so many, however long they take")
    ap.add_argument("--init", help="go on from these weights (.pt or .onnx of this network)")
    ap.add_argument("--keep-norms", action="store_true", help="batch norms keep their statistics: less is forgotten with --init")
    ap.add_argument("--size", type=int, default=256)
    ap.add_argument("--first-size", type=int, default=192)
    ap.add_argument("--first", type=float, default=0.4, help="share of the time at the first size")
    ap.add_argument("--batch", type=int, default=64)
    ap.add_argument("--lr", type=float, default=2e-3)
    ap.add_argument("--decay", type=float, default=0.02, help="weight decay of matrices")
    ap.add_argument("--warm", type=int, default=200, help="steps of warm-up")
    ap.add_argument("--begin", type=float, default=0, help="where on the cosine to begin, 0..1")
    ap.add_argument("--heat", type=float, default=0.5, help="weight of the heat maps")
    ap.add_argument("--mosaics", type=float, default=1.0, help="how many, beside 48 %% of all pictures")
    ap.add_argument("--precision", choices=("auto", "bf16", "fp32"), default="auto")
    ap.add_argument("--threads", type=int, default=os.cpu_count())
    ap.add_argument("--workers", type=int, default=2, help="processes that draw batches")
    ap.add_argument("--report", type=float, default=4, help="minutes between evaluations; 0 = none")
    ap.add_argument("--images", help="photos with YOLO labels to evaluate on, besides those that the stores keep")
    ap.add_argument("--labels")
    ap.add_argument("--seed", type=int, default=0)
    return ap.parse_args()


def main():
    a = options()
    torch.manual_seed(a.seed)
    torch.set_num_threads(a.threads)
    os.makedirs(a.out, exist_ok=True)
    t = Training(a)
    tests = [evaluate.held_photos(a.data)] + ([evaluate.read_yolo(a.images, a.labels)] if a.images else [])
    tests = [test for test in tests if test[0]]
    print(f"{len(t.store)} photos, {'bf16' if t.bf16 else 'fp32'}, {a.threads} threads", flush=True)
    table = open(os.path.join(a.out, "loss.tsv"), "w")
    print("step", "minutes", "size", "loss", *PARTS, "heat", sep="\t", file=table)
    began, next_report = time.time(), a.report
    for batch in t.batches:
        minutes = (time.time() - began) / 60
        part = min(minutes / a.minutes, t.steps / a.steps)
        if part >= 1:
            break
        t.schedule(part)
        losses = t.step(*batch)
        print(t.steps, f"{minutes:.3f}", batch[0].shape[1], *(f"{v:.4f}" for v in losses), sep="\t", file=table, flush=True)
        if t.steps % 50 == 0:
            print(f"{minutes:.1f} min, step {t.steps}, {t.seen / minutes / 60:.0f} pictures/s: loss {losses[0]:.3f}", flush=True)
        if a.report and minutes > next_report:
            for test in tests:
                print("==", evaluate.report(t.average, a.size, *test)[0], flush=True)
            t.save("last.pt")
            next_report += a.report
    table.close()
    t.save("final.pt")
    print(f"{t.steps} steps, {t.seen} pictures, {a.out}/final.pt")


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    main()
