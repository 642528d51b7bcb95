"""YOLOv8 and YOLO11 detectors and the YOLOv8 pose network, built from their published structure.

Parameter counts are asserted by export_networks.py against the published ones."""
import math

import torch
from torch import nn


class Conv(nn.Module):
    """Convolution, batch norm, SiLU."""

    def __init__(self, c, o, kernel=1, stride=1, group=1, act=True):
        super().__init__()
        self.conv = nn.Conv2d(c, o, kernel, stride, kernel // 2, groups=group, bias=False)
        self.bn = nn.BatchNorm2d(o, eps=1e-3)
        self.act = nn.SiLU() if act else nn.Identity()

    def forward(self, x):
        return self.act(self.bn(self.conv(x)))


class Bottleneck(nn.Module):
    def __init__(self, c, o, add, expand=1.0):
        super().__init__()
        inner = int(o * expand)
        self.a, self.b, self.add = Conv(c, inner, 3), Conv(inner, o, 3), add and c == o

    def forward(self, x):
        y = self.b(self.a(x))
        return x + y if self.add else y


class C2f(nn.Module):
    """A split, a chain of blocks, and everything on the way concatenated."""

    def __init__(self, c, o, n, add, expand=0.5, block=None):
        super().__init__()
        self.c = int(o * expand)
        self.cv1 = Conv(c, 2 * self.c)
        self.cv2 = Conv((2 + n) * self.c, o)
        block = block or (lambda c: Bottleneck(c, c, add))
        self.m = nn.ModuleList(block(self.c) for _ in range(n))

    def forward(self, x):
        y = list(self.cv1(x).split((self.c, self.c), 1))
        for m in self.m:
            y.append(m(y[-1]))
        return self.cv2(torch.cat(y, 1))


class C3k(nn.Module):
    def __init__(self, c, n=2):
        super().__init__()
        half = c // 2
        self.cv1, self.cv2, self.cv3 = Conv(c, half), Conv(c, half), Conv(2 * half, c)
        self.m = nn.Sequential(*(Bottleneck(half, half, True) for _ in range(n)))

    def forward(self, x):
        return self.cv3(torch.cat((self.m(self.cv1(x)), self.cv2(x)), 1))


def c3k2(c, o, n, c3k, expand=0.5):
    return C2f(c, o, n, True, expand, C3k if c3k else (lambda c: Bottleneck(c, c, True, expand=0.5)))


class SPPF(nn.Module):
    def __init__(self, c, o):
        super().__init__()
        self.cv1, self.cv2, self.m = Conv(c, c // 2), Conv(c * 2, o), nn.MaxPool2d(5, 1, 2)

    def forward(self, x):
        y = [self.cv1(x)]
        for _ in range(3):
            y.append(self.m(y[-1]))
        return self.cv2(torch.cat(y, 1))


class Attention(nn.Module):
    """Heads of 32 key and 64 value channels, and a depthwise convolution of the values for positions."""

    def __init__(self, c):
        super().__init__()
        self.heads = c // 64
        self.qkv = Conv(c, c + self.heads * 64, act=False)
        self.proj = Conv(c, c, act=False)
        self.pe = Conv(c, c, 3, group=c, act=False)

    def forward(self, x):
        b, c, h, w = x.shape
        q, k, v = self.qkv(x).view(b, self.heads, 128, h * w).split((32, 32, 64), 2)
        a = (q.transpose(-2, -1) @ k * 32**-0.5).softmax(-1)
        return self.proj((v @ a.transpose(-2, -1)).view(b, c, h, w) + self.pe(v.reshape(b, c, h, w)))


class PSA(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.attn = Attention(c)
        self.ffn = nn.Sequential(Conv(c, 2 * c), Conv(2 * c, c, act=False))

    def forward(self, x):
        x = x + self.attn(x)
        return x + self.ffn(x)


class C2PSA(nn.Module):
    def __init__(self, c, n):
        super().__init__()
        self.c = c // 2
        self.cv1, self.cv2 = Conv(c, c), Conv(c, c)
        self.m = nn.Sequential(*(PSA(self.c) for _ in range(n)))

    def forward(self, x):
        a, b = self.cv1(x).split((self.c, self.c), 1)
        return self.cv2(torch.cat((a, self.m(b)), 1))


class Head(nn.Module):
    """Boxes as means of 16 distances (DFL) in pixels, class scores, keypoints; rows in front, cells behind."""

    def __init__(self, channels, size, depthwise, keypoints, classes):
        super().__init__()
        c2, c3 = max(16, channels[0] // 4, 64), max(channels[0], min(classes, 100))
        self.keypoints, self.classes = keypoints, classes

        def plain(c, inner, o):
            return nn.Sequential(Conv(c, inner, 3), Conv(inner, inner, 3), nn.Conv2d(inner, o, 1))

        def separable(c):
            return nn.Sequential(Conv(c, c, 3, group=c), Conv(c, c3), Conv(c3, c3, 3, group=c3), Conv(c3, c3),
                                 nn.Conv2d(c3, classes, 1))

        self.box = nn.ModuleList(plain(c, c2, 64) for c in channels)
        self.cls = nn.ModuleList(separable(c) if depthwise else plain(c, c3, classes) for c in channels)
        if keypoints:
            self.kp = nn.ModuleList(plain(c, max(channels[0] // 4, keypoints), keypoints) for c in channels)
        self.dfl = nn.Conv2d(16, 1, 1, bias=False)
        self.dfl.weight.data[:] = torch.arange(16.0).view(1, 16, 1, 1)
        anchors, strides = [], []
        for stride in (8, 16, 32):
            n = size // stride
            y, x = torch.meshgrid(torch.arange(n) + 0.5, torch.arange(n) + 0.5, indexing="ij")
            anchors.append(torch.stack((x, y)).view(2, -1))
            strides.append(torch.full((1, n * n), float(stride)))
        self.register_buffer("anchors", torch.cat(anchors, 1))
        self.register_buffer("strides", torch.cat(strides, 1))

    def forward(self, maps):
        b = maps[0].shape[0]
        levels = [torch.cat((box(x), cls(x)), 1).view(b, 64 + self.classes, -1) for box, cls, x in zip(self.box, self.cls, maps)]
        box, cls = torch.cat(levels, 2).split((64, self.classes), 1)
        cells = box.shape[-1]
        d = self.dfl(box.view(b, 4, 16, cells).transpose(2, 1).softmax(1)).view(b, 4, cells)
        near, far = d.chunk(2, 1)
        p, q = self.anchors - near, self.anchors + far
        out = [torch.cat(((p + q) / 2, q - p), 1) * self.strides, cls.sigmoid()]
        if self.keypoints:
            k = torch.cat([m(x).view(b, self.keypoints, -1) for m, x in zip(self.kp, maps)], 2)
            k = k.view(b, self.keypoints // 3, 3, cells)
            xy = (k[:, :, :2] * 2 + (self.anchors - 0.5)) * self.strides
            out.append(torch.cat((xy, k[:, :, 2:].sigmoid()), 2).view(b, self.keypoints, cells))
        return torch.cat(out, 1)


class YOLO(nn.Module):
    """Version 8 or 11 in size n; `keypoints` numbers of a pose (3 a joint) make it find one class."""

    def __init__(self, size, version=8, width=0.25, keypoints=0):
        super().__init__()

        def c(n):
            return math.ceil(min(n, 1024) * width / 8) * 8

        self.up = nn.Upsample(scale_factor=2)
        if version == 8:
            backbone = [Conv(3, c(64), 3, 2), Conv(c(64), c(128), 3, 2), C2f(c(128), c(128), 1, True),
                        Conv(c(128), c(256), 3, 2), C2f(c(256), c(256), 2, True), Conv(c(256), c(512), 3, 2),
                        C2f(c(512), c(512), 2, True), Conv(c(512), c(1024), 3, 2), C2f(c(1024), c(1024), 1, True),
                        SPPF(c(1024), c(1024))]
            third = c(256)
        else:
            backbone = [Conv(3, c(64), 3, 2), Conv(c(64), c(128), 3, 2), c3k2(c(128), c(256), 1, False, 0.25),
                        Conv(c(256), c(256), 3, 2), c3k2(c(256), c(512), 1, False, 0.25), Conv(c(512), c(512), 3, 2),
                        c3k2(c(512), c(512), 1, True), Conv(c(512), c(1024), 3, 2), c3k2(c(1024), c(1024), 1, True),
                        SPPF(c(1024), c(1024)), C2PSA(c(1024), 1)]
            third = c(512)

        def block(i, o, last=False):
            return C2f(i, o, 1, False) if version == 8 else c3k2(i, o, 1, last)

        self.b = nn.ModuleList(backbone)
        self.h = nn.ModuleList([
            block(c(1024) + c(512), c(512)), block(c(512) + third, c(256)), Conv(c(256), c(256), 3, 2),
            block(c(256) + c(512), c(512)), Conv(c(512), c(512), 3, 2), block(c(512) + c(1024), c(1024), True)])
        self.head = Head((c(256), c(512), c(1024)), size, version == 11, keypoints, 1 if keypoints else 80)

    def forward(self, x):
        maps = []
        for m in self.b:
            x = m(x)
            maps.append(x)
        p3, p4, p5, h = maps[4], maps[6], x, self.h
        n4 = h[0](torch.cat((self.up(p5), p4), 1))
        n3 = h[1](torch.cat((self.up(n4), p3), 1))
        m4 = h[3](torch.cat((h[2](n3), n4), 1))
        m5 = h[5](torch.cat((h[4](m4), p5), 1))
        return self.head((n3, m4, m5))
