"""What training makes small: for anchors (Loss) and, while it trains only, for heat maps of joints (Heat)."""
import math
import warnings

import torch
import torch.nn as nn
import torch.nn.functional as F

from model import JOINTS, STRIDES, Net, anchors, decode_box

warnings.filterwarnings("ignore", message="scatter_reduce")  # torch 1.13 calls it young

SIGMA = torch.tensor([.026, .025, .025, .035, .035, .079, .079, .072, .072, .062, .062,
                      .107, .107, .087, .087, .089, .089])  # COCO's, for OKS
RANGE = ((0, 76), (30, 200), (84, 1e9))  # longer sides of people that each level may take, in pixels
REACH, TOP = 2, 8  # of a person's anchors: cells from its centre, and how many at most
PARTS = ("class", "box", "joints", "visible")
WEIGHTS = torch.tensor((1.0, 4.0, 4.0, 0.5))


def pair_iou(p, t):
    """IoU and CIoU of boxes cx, cy, w, h, one by one."""
    p_low, p_high = p[..., :2] - p[..., 2:] / 2, p[..., :2] + p[..., 2:] / 2
    t_low, t_high = t[..., :2] - t[..., 2:] / 2, t[..., :2] + t[..., 2:] / 2
    wh = (torch.minimum(p_high, t_high) - torch.maximum(p_low, t_low)).clamp(min=0)
    inter = wh[..., 0] * wh[..., 1]
    u = inter / (p[..., 2] * p[..., 3] + t[..., 2] * t[..., 3] - inter + 1e-6)
    c = (torch.maximum(p_high, t_high) - torch.minimum(p_low, t_low)).pow(2).sum(-1) + 1e-6
    d = (p[..., :2] - t[..., :2]).pow(2).sum(-1)
    v = 4 / math.pi ** 2 * (torch.atan(t[..., 2] / t[..., 3].clamp(min=1e-3))
                            - torch.atan(p[..., 2] / p[..., 3].clamp(min=1e-3))) ** 2
    with torch.no_grad():
        a = v / (1 - u + v + 1e-6)
    return u, u - d / c - a * v


class Loss:
    """For pictures of one size."""

    def __init__(self, size):
        self.points, self.strides, self.bases = anchors(size)
        self.n = [size // s for s in STRIDES]
        self.first = [0, self.n[0] ** 2, self.n[0] ** 2 + self.n[1] ** 2]
        r = torch.arange(-REACH, REACH + 1)
        self.oy, self.ox = (g.reshape(-1) for g in torch.meshgrid(r, r, indexing="ij"))

    def candidates(self, box):
        """Boxes [n,4] cx, cy, w, h -> anchors [n,75] and which of them may take the person"""
        ids, allowed = [], []
        side = box[:, 2:].max(1).values
        for level, s in enumerate(STRIDES):
            n = self.n[level]
            gx = (box[:, 0:1] / s).floor().long() + self.ox
            gy = (box[:, 1:2] / s).floor().long() + self.oy
            ok = (gx >= 0) & (gy >= 0) & (gx < n) & (gy < n)
            dx = ((gx + 0.5) * s - box[:, 0:1]).abs()
            dy = ((gy + 0.5) * s - box[:, 1:2]).abs()
            near = (dx < box[:, 2:3] / 2) & (dy < box[:, 3:4] / 2)
            near |= (self.ox == 0) & (self.oy == 0)
            low, high = RANGE[level]
            ids.append(self.first[level] + gy.clamp(0, n - 1) * n + gx.clamp(0, n - 1))
            allowed.append(ok & near & ((side >= low) & (side < high))[:, None])
        return torch.cat(ids, 1), torch.cat(allowed, 1)

    def background(self, batch, ignored_of, ignored):
        """Weights [B,A] of anchors as background: 0 inside what is to be ignored."""
        weight = torch.ones(batch, len(self.points))
        if not len(ignored_of):
            return weight
        c = (ignored[:, :2] + ignored[:, 2:]) / 2
        half = (ignored[:, 2:] - ignored[:, :2]) / 2
        side = 2 * half.max(1).values
        inside = ((self.points[None] - c[:, None]).abs() < half[:, None] * 0.8 + 2).all(2)
        low, high = torch.tensor(RANGE).T
        level = (self.strides.log2() - 3).long()
        inside &= (side[:, None] >= low[level] * 0.7) & (side[:, None] < high[level] * 1.4)
        weight[torch.zeros_like(weight).index_add_(0, ignored_of, inside.float()) > 0] = 0
        return weight

    def assign(self, z, of, t):
        """Anchors for people t [n,4] in pictures `of`: person, anchor, and how good a score it deserves.  The best TOP of the
        candidates by score^0.5 * IoU^4; an anchor that two want goes to whom it fits better."""
        batch, count, _ = z.shape
        ids, ok = self.candidates(t)
        zz = z[of[:, None], ids, :5]
        u, _ = pair_iou(decode_box(zz[..., 1:5], self.points[ids], self.strides[ids], self.bases[ids]), t[:, None])
        fit = zz[..., 0].sigmoid().sqrt() * u.clamp(min=1e-4) ** 4 * ok
        top, at = fit.topk(TOP, 1)
        take = (top > 0) & ok.gather(1, at)
        person = torch.arange(len(of))[:, None].expand_as(at)[take]
        anchor, value, overlap = ids.gather(1, at)[take], top[take], u.gather(1, at)[take]
        flat = of[person] * count + anchor
        win = value >= torch.zeros(batch * count).scatter_reduce(0, flat, value, "amax")[flat]
        person, anchor, value, overlap = person[win], anchor[win], value[win], overlap[win]
        best = torch.zeros(len(of)).scatter_reduce(0, person, value, "amax")
        best_overlap = torch.zeros(len(of)).scatter_reduce(0, person, overlap, "amax")
        return person, anchor, value / best[person].clamp(min=1e-12) * best_overlap[person].clamp(min=0.1)

    def joints(self, p, anchor, box, k, q):
        """Of positions, L1 over the root of the area and OKS; of visibility, cross entropy."""
        got = p[:, 5:].reshape(-1, JOINTS, 3)
        xy = self.points[anchor][:, None] + got[..., :2] * self.bases[anchor][:, None, None]
        area = (box[:, 2] * box[:, 3] * 0.53).clamp(min=16)  # an outline fills about half of its box
        weight = k[..., 3] * q[:, None]
        l1 = F.smooth_l1_loss(xy, k[..., :2], reduction="none", beta=1.0).sum(-1) / area.sqrt()[:, None]
        oks = 1 - torch.exp(-(xy - k[..., :2]).pow(2).sum(-1) / (2 * area[:, None] * (2 * SIGMA) ** 2))
        position = ((2.0 * l1 + 1.5 * oks) * weight).sum() / weight.sum().clamp(min=1.0)
        known = (k[..., 2] >= 0).float() * q[:, None]
        seen = F.binary_cross_entropy_with_logits(got[..., 2], k[..., 2].clamp(min=0), reduction="none")
        return position, (seen * known).sum() / known.sum().clamp(min=1.0)

    def __call__(self, z, of, box, k, ignored_of, ignored):
        """Sum of the PARTS by WEIGHTS, and the parts, for the raw output z [B,A,56] of a batch of augment.Batches."""
        batch, count, _ = z.shape
        weight = self.background(batch, ignored_of, ignored)
        target, norm = torch.zeros(batch, count), torch.tensor(1.0)
        box_loss = joint_loss = visible_loss = z.sum() * 0
        if len(of):
            t = torch.cat(((box[:, :2] + box[:, 2:]) / 2, box[:, 2:] - box[:, :2]), 1)
            with torch.no_grad():
                person, anchor, q = self.assign(z, of, t)
            flat = of[person] * count + anchor
            target.view(-1)[flat] = q
            weight.view(-1)[flat] = 1
            norm = q.sum().clamp(min=1.0)
            p, t = z.reshape(batch * count, -1)[flat], t[person]
            got = decode_box(p[:, 1:5], self.points[anchor], self.strides[anchor], self.bases[anchor])
            box_loss = ((1 - pair_iou(got, t)[1]) * q).sum() / norm
            joint_loss, visible_loss = self.joints(p, anchor, t, k[person], q)
        entropy = F.binary_cross_entropy_with_logits(z[..., 0], target, reduction="none")
        parts = torch.stack(((entropy * weight).sum() / norm, box_loss, joint_loss, visible_loss))
        return (parts * WEIGHTS).sum(), parts.detach()


class Background(torch.autograd.Function):
    """Sum of w * p^2 * -log(1 - p), with its gradient written down: autograd would keep more tensors."""

    @staticmethod
    def forward(ctx, z, w):
        p = z.sigmoid()
        softplus = F.softplus(z)
        wp = p * p * w
        ctx.save_for_backward(p, softplus, wp)
        return (wp * softplus).sum()

    @staticmethod
    def backward(ctx, g):
        p, softplus, wp = ctx.saved_tensors
        return wp * (2 * softplus * (1 - p) + p) * g, None


class Heat(nn.Module):
    """Heat maps of joints from the features of strides 8 and 16.  They teach the trunk to find joints where they are, which
    the offsets then use; the network that is exported does not have them."""

    def __init__(self):
        super().__init__()
        self.out = nn.ModuleList(nn.Conv2d(c, JOINTS, 1) for c in Net.FEATURES)
        for o in self.out:
            nn.init.constant_(o.bias, -4.6)

    def forward(self, features):
        return [o(f) for o, f in zip(self.out, features)]

    @staticmethod
    def free(shape, stride, of, box):
        """[B,h*w]: 0 in the boxes of people whose joints nobody knows, 1 elsewhere."""
        batch, h, w = shape
        free = torch.ones(batch, h * w)
        if len(of):
            x, y = ((torch.arange(n, dtype=torch.float32) + 0.5) * stride for n in (w, h))
            inside_x = (x[None] > box[:, 0:1]) & (x[None] < box[:, 2:3])
            inside_y = (y[None] > box[:, 1:2]) & (y[None] < box[:, 3:4])
            free.index_add_(0, of, -(inside_y[:, :, None] & inside_x[:, None]).reshape(len(of), -1).float())
        return free.clamp_(min=0)

    @staticmethod
    def one_map(z, stride, of, k, free):
        """Focal loss of one level: the cells of joints are right, those beside them count little as background."""
        _, joints, h, w = z.shape
        n, j = (k[..., 3] > 0).nonzero(as_tuple=True)
        x, y = k[n, j, 0] / stride, k[n, j, 1] / stride
        gx, gy = x.floor().long().clamp(0, w - 1), y.floor().long().clamp(0, h - 1)
        first = (of[n] * joints + j) * h * w
        weight = free[:, None].expand(-1, joints, -1).reshape(-1)
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                qx, qy = gx + dx, gy + dy
                ok = (qx >= 0) & (qx < w) & (qy >= 0) & (qy < h)
                v = (1 - torch.exp(-((qx + 0.5 - x) ** 2 + (qy + 0.5 - y) ** 2) / 1.2)) ** 4
                weight.scatter_reduce_(0, (first + qy * w + qx)[ok], v[ok], "amin")
        hot = first + gy * w + gx
        weight[hot] = 0
        z = z.reshape(-1)
        right = -(F.logsigmoid(z[hot]) * (1 - z[hot].sigmoid()) ** 2).sum()
        return (right + Background.apply(z, weight)) / max(len(hot), 1)

    def loss(self, maps, of, box, k, ignored_of, ignored):
        bare = (k[..., 3] > 0).sum(1) == 0
        unknown_of, unknown = torch.cat((of[bare], ignored_of)), torch.cat((box[bare], ignored))
        total = 0
        for z, stride in zip(maps, STRIDES):
            z = z.float().contiguous()
            total = total + self.one_map(z, stride, of, k, self.free((z.shape[0],) + z.shape[2:], stride, unknown_of, unknown))
        return total
