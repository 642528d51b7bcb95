#!/usr/bin/python3
"""The benchmark networks as static ONNX files: export_networks.py DIR [NAME...]

Weights are random from fixed seeds; batch norms get the statistics of one random batch, so that activations stay in a
sane range.  The structure is what is measured: parameter counts are held to the published ones.
Needs Debian's python3-torch, python3-torchvision and python3-onnx."""
import os
import sys

try:
    import onnx  # noqa: F401  (torch.onnx needs it for large files)
    import torch
    import torchvision
except ImportError as e:
    sys.exit(f"export_networks.py: {e} (Debian: python3-torch python3-torchvision python3-onnx)")

from net_convnextpose import ConvNeXtPose
from net_yolo import YOLO


def zoo(name):
    """One of torchvision's, with random weights where it would start with zeros or almost."""
    m = getattr(torchvision.models, name)(weights=None)
    if name == "vit_b_16":
        torch.nn.init.normal_(m.heads.head.weight, std=0.02)
    if name == "convnext_tiny":
        for key, p in m.named_parameters():
            if "layer_scale" in key:
                p.data.fill_(0.1)
    return m


# name: how to build it, side of its input, parameters, opset
NETWORKS = {
    "yolov8n-640": (lambda: YOLO(640), 640, 3157200, 13),
    "yolov8n-320": (lambda: YOLO(320), 320, 3157200, 13),
    "yolo11n-640": (lambda: YOLO(640, 11), 640, 2624080, 13),
    "yolo11n-320": (lambda: YOLO(320, 11), 320, 2624080, 13),
    "yolov8n-pose-640": (lambda: YOLO(640, keypoints=51), 640, 3295470, 13),
    "convnextpose-xs-256": (lambda: ConvNeXtPose((2, 2, 6, 2), (40, 80, 160, 320), 128), 256, 3528008, 13),
    "convnextpose-s-256": (lambda: ConvNeXtPose((3, 3, 9, 3), (48, 96, 192, 384), 256), 256, 7438976, 13),
    "mobilenet_v2-224": (lambda: zoo("mobilenet_v2"), 224, 3504872, 13),
    "resnet50-224": (lambda: zoo("resnet50"), 224, 25557032, 13),
    "convnext_tiny-224": (lambda: zoo("convnext_tiny"), 224, 28589128, 17),
    "vit_b_16-224": (lambda: zoo("vit_b_16"), 224, 86567656, 17),
}


def settle(model, size):
    """Batch norms with scales near 1 and the mean and variance of what they see; the model in inference mode."""
    g = torch.Generator().manual_seed(7)
    for m in model.modules():
        if isinstance(m, torch.nn.BatchNorm2d):
            m.weight.data = 1 + 0.1 * torch.randn(m.weight.shape, generator=g)
            m.bias.data = 0.1 * torch.randn(m.bias.shape, generator=g)
            m.momentum = 1.0
            m.train()
    with torch.no_grad():
        model(torch.rand(2, 3, size, size, generator=g))
    return model.eval()


def export(name, path):
    build, size, parameters, opset = NETWORKS[name]
    torch.manual_seed(1)
    model = build()
    count = sum(p.numel() for p in model.parameters())
    if count != parameters:
        sys.exit(f"export_networks.py: {name} has {count} parameters, {parameters} are right")
    settle(model, size)
    torch.onnx.export(model, torch.rand(1, 3, size, size), path, opset_version=opset, do_constant_folding=True,
                      input_names=["images"], output_names=["output0"])
    print(f"{path}: {count} parameters, {os.path.getsize(path)} bytes", flush=True)


def main(args):
    names = args[1:] or list(NETWORKS)
    unknown = [n for n in names if n not in NETWORKS]
    if not args or unknown:
        sys.exit(f"usage: export_networks.py DIR [NAME...]\nnetworks: {' '.join(NETWORKS)}")
    os.makedirs(args[0], exist_ok=True)
    torch.set_num_threads(2)
    for n in names:
        export(n, os.path.join(args[0], n + ".onnx"))


if __name__ == "__main__":
    main(sys.argv[1:])
