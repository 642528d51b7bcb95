"""ConvNeXtPose: one person's joints in three dimensions, from its published structure."""
import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.dw, self.n = nn.Conv2d(c, c, 7, 1, 3, groups=c), nn.BatchNorm2d(c)
        self.a, self.b = nn.Conv2d(c, 4 * c, 1), nn.Conv2d(4 * c, c, 1)

    def forward(self, x):
        return x + self.b(F.relu(self.a(self.n(self.dw(x)))))


class ConvNeXtPose(nn.Module):
    """`up`: which of the head's stages double the size.  Joints are means over `depth` heatmaps each."""

    def __init__(self, depths, widths, head, depth=32, joints=18, up=(True, True, False)):
        super().__init__()
        layers = [nn.Conv2d(3, widths[0], 4, 4), nn.BatchNorm2d(widths[0])]
        for i, (n, c) in enumerate(zip(depths, widths)):
            if i:
                layers += [nn.BatchNorm2d(widths[i - 1]), nn.Conv2d(widths[i - 1], c, 2, 2)]
            layers += [Block(c) for _ in range(n)]
        self.b = nn.Sequential(*layers, nn.BatchNorm2d(widths[3]))
        stages, c = [], widths[3]
        for double in up:
            stages += [nn.Conv2d(c, c, 3, 1, 1, groups=c), nn.BatchNorm2d(c), nn.Conv2d(c, head, 1), nn.ReLU()]
            if double:
                stages.append(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True))
            c = head
        self.h = nn.Sequential(*stages, nn.Conv2d(head, joints * depth, 1))
        self.joints, self.depth = joints, depth

    def forward(self, x):
        y = self.h(self.b(x))
        n, _, h, w = y.shape
        p = y.view(n, self.joints, -1).softmax(2).view(n, self.joints, self.depth, h, w)

        def mean(q, count):
            return (q * torch.arange(float(count))).sum(2)

        return torch.stack((mean(p.sum((2, 3)), w), mean(p.sum((2, 4)), h), mean(p.sum((3, 4)), self.depth)), 2)
