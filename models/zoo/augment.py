"""Random views of a store's photos, and batches of them."""
import math

import cv2
import numpy as np
import torch

FLIP = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]  # joints of a mirrored person
GREY = 114


def move(item, matrix, flip, window):
    """Boxes, joints and what to ignore of a photo that goes through the 2x3 matrix; what of it the window shows."""
    x0, y0, x1, y1 = window
    (a, b, tx), (c, d, ty) = matrix
    box, old = item.box, item.joints
    cx, cy = (box[:, 0] + box[:, 2]) / 2, (box[:, 1] + box[:, 3]) / 2
    hx, hy = (box[:, 2] - box[:, 0]) / 2, (box[:, 3] - box[:, 1]) / 2
    nx, ny = a * cx + b * cy + tx, c * cx + d * cy + ty
    # A turned box grows; a person fills about the ellipse in it.
    ex = (abs(a) * hx + abs(b) * hy + np.sqrt((a * hx) ** 2 + (b * hy) ** 2)) / 2
    ey = (abs(c) * hx + abs(d) * hy + np.sqrt((c * hx) ** 2 + (d * hy) ** 2)) / 2
    out = np.stack((nx - ex, ny - ey, nx + ex, ny + ey), 1)
    out[:, 0::2] = out[:, 0::2].clip(x0, x1)
    out[:, 1::2] = out[:, 1::2].clip(y0, y1)
    wh = out[:, 2:] - out[:, :2]
    part = wh[:, 0] * wh[:, 1] / np.maximum(4 * ex * ey, 1e-6)
    k = old.copy()
    k[:, :, 0] = a * old[:, :, 0] + b * old[:, :, 1] + tx
    k[:, :, 1] = c * old[:, :, 0] + d * old[:, :, 1] + ty
    if flip:
        k = k[:, FLIP]
    gone = (k[:, :, 0] < x0) | (k[:, :, 0] >= x1) | (k[:, :, 1] < y0) | (k[:, :, 1] >= y1)
    k[gone & (k[:, :, 3] > 0), 2:] = 0
    small = (wh.max(1) < 9) | (wh.min(1) < 4) | (part < 0.15)
    keep = part > 0.03
    return out[keep], k[keep], (item.ignore | small)[keep]


class Augment:
    def __init__(self, store, seed, mosaics):
        self.store, self.mosaics = store, mosaics
        self.r = np.random.RandomState(seed)

    def aim(self, item, width, height, sides, fill):
        """Scale, a point of the photo, and where in the window it goes: a person at a random size, or about the whole."""
        r, good = self.r, np.nonzero(~item.ignore)[0]
        if len(good) and r.rand() < 0.65:
            b = item.box[good[r.randint(len(good))]]
            side = max(b[2] - b[0], b[3] - b[1], 4.0)
            f = math.exp(r.uniform(*np.log(sides))) / side
            f = min(max(f, fill * max(width / item.w, height / item.h)), 3.5)
            half = side * f / 2
            at = [r.uniform(min(half, t / 2) * 0.8, t - min(half, t / 2) * 0.8) for t in (width, height)]
            return f, ((b[0] + b[2]) / 2, (b[1] + b[3]) / 2), at
        f = r.uniform(0.75, 1.3) * (min if r.rand() < 0.5 else max)(width / item.w, height / item.h)
        at = [t / 2 + r.uniform(-0.5, 0.5) * abs(e * f - t) for e, t in ((item.w, width), (item.h, height))]
        return f, (item.w / 2, item.h / 2), at

    def matrix(self, item, width, height, sides, turn, fill):
        """A random similarity that shows the photo in a window of this size, and whether it mirrors."""
        r = self.r
        f, of, to = self.aim(item, width, height, sides, fill)
        t = math.radians(r.uniform(-turn, turn)) if r.rand() < 0.5 else 0.0
        flip = r.rand() < 0.5
        c, s = f * math.cos(t), f * math.sin(t)
        m = np.array([[c, -s, 0], [s, c, 0]])
        if flip:
            m[:, 0] *= -1
        m[0] *= r.uniform(0.88, 1.12)
        m[:, 2] = np.array(to) - m[:, :2] @ np.array(of)
        if r.rand() < 0.8:  # slide a larger photo over empty borders
            middle = m[:, :2] @ np.array([item.w / 2, item.h / 2]) + m[:, 2]
            for n, (e, t) in enumerate(((f * item.w, width), (f * item.h, height))):
                half = e / 2 if e > t else t - e / 2
                m[n, 2] += min(max(middle[n], t - half), half) - middle[n]
        return m, flip

    def tile(self, canvas, window, sides, turn, fill):
        """Draws a random photo into a window of the canvas; gives its people."""
        x0, y0, x1, y1 = window
        n = int(np.searchsorted(self.store.cdf, self.r.rand()))
        item, image = self.store.items[n], self.store.image(n)
        m, flip = self.matrix(item, x1 - x0, y1 - y0, sides, turn, fill)
        f, g = math.sqrt(abs(np.linalg.det(m[:, :2]))), m.copy()
        if f < 0.45:  # shrink first: no aliasing
            q = 0.5 if f > 0.25 else 0.25
            image = cv2.resize(image, None, fx=q, fy=q, interpolation=cv2.INTER_AREA)
            g[:, :2] /= q
        canvas[y0:y1, x0:x1] = cv2.warpAffine(image, g, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR, borderValue=(GREY,) * 3)
        m[:, 2] += (x0, y0)
        return move(item, m, flip, window)

    def colour(self, image):
        r = self.r
        if r.rand() < 0.85:
            x = np.arange(256, dtype=np.float32) / 255
            gamma, gain, offset = math.exp(r.uniform(-0.35, 0.35)), r.uniform(0.7, 1.3), r.uniform(-0.1, 0.1)
            table = np.empty((256, 1, 3), np.uint8)
            for c in range(3):
                table[:, 0, c] = np.clip((x ** gamma * gain * r.uniform(0.93, 1.07) + offset) * 255, 0, 255)
            image = cv2.LUT(image, table)
        q = r.rand()
        if q < 0.3:
            grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
            a = 1.0 if q < 0.05 else r.uniform(0.0, 0.7)
            image = cv2.addWeighted(image, 1 - a, grey, a, 0)
        elif q < 0.38:
            image = cv2.blur(image, (3, 3))
        elif q < 0.43:
            noise = r.randint(-14, 15, image.shape[:2] + (1,)).astype(np.int16)
            image = np.clip(image + noise, 0, 255).astype(np.uint8)
        return image

    def sample(self, size, plain):
        """A picture and its people: one photo, or (unless plain) a mosaic of 2x2 or 3x3."""
        r, u = self.r, size / 256.0
        canvas, q = np.full((size, size, 3), GREY, np.uint8), r.rand()
        if plain or q >= 0.48 * self.mosaics:
            got = [self.tile(canvas, (0, 0, size, size), (40 * u, 400 * u), 25, 0.45)]
        elif q < 0.40 * self.mosaics:
            cx, cy = (int(v) for v in r.uniform(0.3, 0.7, 2) * size)
            got = [self.tile(canvas, (x0, y0, x1, y1), (22 * u, 1.2 * max(x1 - x0, y1 - y0)), 12, 0.65)
                   for x0, x1 in ((0, cx), (cx, size)) for y0, y1 in ((0, cy), (cy, size))]
        else:
            e = [0, size // 3, 2 * size // 3, size]
            got = [self.tile(canvas, (e[a], e[b], e[a + 1], e[b + 1]), (14 * u, 90 * u), 8, 0.65)
                   for a in range(3) for b in range(3)]
        box, joints, ignore = (np.concatenate([g[j] for g in got]) for j in range(3))
        return self.colour(canvas), box.astype(np.float32), joints.astype(np.float32), ignore


class Batches(torch.utils.data.IterableDataset):
    """Endless batches: pictures [B,S,S,3] in bytes; of all people the picture, box and joints; of what is to be ignored the
    picture and box.  size.value and plain.value may change while it runs."""

    def __init__(self, store, batch, size, plain, mosaics=1.0, seed=0):
        self.store, self.batch, self.size, self.plain, self.mosaics, self.seed = store, batch, size, plain, mosaics, seed

    def __iter__(self):
        torch.set_num_threads(1)
        worker = torch.utils.data.get_worker_info()
        augment = Augment(self.store, self.seed + (worker.id if worker else 0), self.mosaics)
        while True:
            size, plain = self.size.value, bool(self.plain.value)
            images, boxes, joints, ignored = zip(*(augment.sample(size, plain) for _ in range(self.batch)))
            of = np.repeat(np.arange(self.batch), [len(b) for b in boxes])
            box, k, ignore = (torch.from_numpy(np.concatenate(v)) for v in (boxes, joints, ignored))
            of = torch.from_numpy(of)
            yield torch.from_numpy(np.stack(images)), of[~ignore], box[~ignore], k[~ignore], of[ignore], box[ignore]
