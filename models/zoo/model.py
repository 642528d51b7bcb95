"""poise-person: a small one-stage detector of people with 17 joints.

Plain 3x3, 1x1 and depthwise convolutions, BatchNorm, ReLU; three output levels (strides 8, 16, 32).  For each anchor the
head gives 56 numbers:

    0     logit of a person
    1:5   box: x and y offset of the centre, two logits of the size
    5:56  17 x (x offset, y offset, logit of visibility)

An anchor sits at the centre of its cell, and every level has a base size (BASE, in pixels):
centre = anchor + offset * stride, size = (2 * sigmoid(t))^2 * base, joint = anchor + offset * base."""
import torch
import torch.nn as nn
import torch.nn.functional as F

STRIDES = (8, 16, 32)
BASE = (20.0, 56.0, 140.0)
JOINTS = 17
OUTPUTS = 1 + 4 + 3 * JOINTS


class Conv(nn.Module):
    """Convolution, batch norm, ReLU.  norm=False has a bias instead: at the two finest resolutions, where a batch norm is
    bound by memory, that is cheaper to train."""

    def __init__(self, cin, cout, k=3, stride=1, norm=True):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, k, stride, k // 2, bias=not norm)
        self.bn = nn.BatchNorm2d(cout, eps=1e-3, momentum=0.03) if norm else nn.Identity()
        if not norm:
            nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")
            nn.init.zeros_(self.conv.bias)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)), inplace=True)


class Residual(nn.Module):
    """x + relu(3x3(relu(1x1(x))))"""

    def __init__(self, c):
        super().__init__()
        self.a = Conv(c, c // 2, 1)
        self.b = Conv(c // 2, c, 3)

    def forward(self, x):
        return x + self.b(self.a(x))


class Pool(nn.Module):
    """Three 5x5 max pools in a chain: wide context at the coarsest level."""

    def __init__(self, c):
        super().__init__()
        self.a = Conv(c, c // 2, 1)
        self.b = Conv(c * 2, c, 1)

    def forward(self, x):
        x = self.a(x)
        p = F.max_pool2d(x, 5, 1, 2)
        q = F.max_pool2d(p, 5, 1, 2)
        r = F.max_pool2d(q, 5, 1, 2)
        return self.b(torch.cat((x, p, q, r), 1))


def separable(c):
    """Depthwise and 1x1, with no norm between them (cheaper to train)."""
    return nn.Sequential(nn.Conv2d(c, c, 3, 1, 1, groups=c, bias=False), Conv(c, c, 1))


class Head(nn.Module):
    def __init__(self, c, dense):
        super().__init__()
        self.det = nn.Sequential(separable(c), separable(c))
        self.kpt = nn.Sequential(Conv(c, c), separable(c), Residual(c)) if dense else separable(c)
        self.od = nn.Conv2d(c, 5, 1)
        self.ok = nn.Conv2d(c, 3 * JOINTS, 1)
        nn.init.constant_(self.od.bias, 0.0)
        nn.init.constant_(self.od.bias[:1], -4.6)  # a score of 0.01: nearly every anchor is background
        nn.init.normal_(self.ok.weight, 0, 0.01)
        nn.init.zeros_(self.ok.bias)

    def forward(self, x):
        return torch.cat((self.od(self.det(x)), self.ok(self.kpt(x))), 1)


class Net(nn.Module):
    """The names of its parts are those of the weights in poise-person.onnx."""

    FEATURES = (64, 128)  # channels of what train_maps() gives besides the maps, at strides 8 and 16

    def __init__(self, w=(16, 24, 64, 128, 160), neck=64):
        super().__init__()
        self.stem = Conv(3, w[0], 3, 2, norm=False)
        self.s2 = Conv(w[0], w[1], 3, 2, norm=False)
        self.s3 = nn.Sequential(Conv(w[1], w[2], 3, 2), Residual(w[2]))
        self.s4 = nn.Sequential(Conv(w[2], w[3], 3, 2), Residual(w[3]), Residual(w[3]))
        self.s5 = nn.Sequential(Conv(w[3], w[4], 3, 2), Residual(w[4]), Pool(w[4]))
        self.l5 = Conv(w[4], neck, 1)
        self.l4 = Conv(w[3], neck, 1)
        self.l3 = Conv(w[2], neck, 1)
        self.m4 = Conv(neck, neck, 3)
        self.m3 = separable(neck)
        self.m5 = Conv(neck, neck, 3)
        self.d4 = Conv(neck, neck, 3, 2)
        self.d5 = Conv(neck, neck, 3, 2)
        self.heads = nn.ModuleList(Head(neck, dense=i > 0) for i in range(len(STRIDES)))

    def features(self, x):
        x = self.s3(self.s2(self.stem(x)))
        c4 = self.s4(x)
        p5 = self.l5(self.s5(c4))
        p4 = self.m4(self.l4(c4) + F.interpolate(p5, scale_factor=2.0, mode="nearest"))
        p3 = self.m3(self.l3(x) + F.interpolate(p4, scale_factor=2.0, mode="nearest"))
        n4 = p4 + self.d4(p3)
        return p3, n4, self.m5(p5) + self.d5(n4), c4

    def forward(self, x):
        """[B,3,S,S] in 0..1 -> list of raw maps [B,56,S/stride,S/stride]"""
        return [h(f) for h, f in zip(self.heads, self.features(x)[:3])]

    def train_maps(self, x):
        """The same maps, and the features of strides 8 and 16 for the heat maps that help training."""
        p3, p4, p5, c4 = self.features(x)
        return [h(f) for h, f in zip(self.heads, (p3, p4, p5))], (p3, c4)


def anchors(size):
    """Centres of cells in pixels [A,2], strides [A], base sizes [A] of a square input."""
    points, strides, bases = [], [], []
    for s, b in zip(STRIDES, BASE):
        n = size // s
        c = (torch.arange(n, dtype=torch.float32) + 0.5) * s
        y, x = torch.meshgrid(c, c, indexing="ij")
        points.append(torch.stack((x.reshape(-1), y.reshape(-1)), 1))
        strides.append(torch.full((n * n,), float(s)))
        bases.append(torch.full((n * n,), float(b)))
    return torch.cat(points), torch.cat(strides), torch.cat(bases)


def flatten(maps):
    """Raw maps -> [B,A,56] in float32"""
    return torch.cat([m.float().flatten(2) for m in maps], 2).transpose(1, 2)


def decode_box(t, points, strides, bases):
    """t [...,4] -> cx, cy, w, h in pixels"""
    xy = points + t[..., :2] * strides[..., None]
    wh = (2.0 * torch.sigmoid(t[..., 2:4])) ** 2 * bases[..., None]
    return torch.cat((xy, wh), -1)


class Deploy(nn.Module):
    """Net and decoding in one graph: [1,56,A] = cx, cy, w, h, score, 17 x (x, y, visibility), as YOLOv8-pose has it."""

    def __init__(self, net, size):
        super().__init__()
        self.net = net
        points, strides, bases = anchors(size)
        self.count = len(points)
        self.cells = [(size // s) ** 2 for s in STRIDES]
        self.register_buffer("pts", points.t()[None].contiguous())
        self.register_buffer("st", strides[None, None])
        self.register_buffer("ba", bases[None, None])
        self.register_buffer("kba", bases[None, None, None])
        self.register_buffer("kpts", points.t()[None, None].contiguous())

    def forward(self, x):
        z = torch.cat([m.reshape(-1, OUTPUTS, n) for m, n in zip(self.net(x), self.cells)], 2)
        score = torch.sigmoid(z[:, 0:1])
        xy = z[:, 1:3] * self.st + self.pts
        s = 2.0 * torch.sigmoid(z[:, 3:5])
        wh = s * s * self.ba
        k = z[:, 5:].reshape(-1, JOINTS, 3, self.count)
        kxy = k[:, :, :2] * self.kba + self.kpts
        joints = torch.cat((kxy, torch.sigmoid(k[:, :, 2:])), 2).reshape(-1, 3 * JOINTS, self.count)
        return torch.cat((xy, wh, score, joints), 1)
