"""Weights of a Net from a checkpoint of train.py or from an ONNX file of export.py, and back and forth between batch norms
and convolutions that hold them."""
import math
import sys

import onnx
import onnx.numpy_helper
import torch
import torch.nn as nn

from model import Conv, Net


def normed(net):
    """Every Conv that has a batch norm, with its name."""
    return [(name, m) for name, m in net.named_modules() if isinstance(m, Conv) and isinstance(m.bn, nn.BatchNorm2d)]


def fold(net):
    """Puts every batch norm into its convolution, in place."""
    for _, m in normed(net):
        old, gain = m.conv, m.bn.weight / torch.sqrt(m.bn.running_var + m.bn.eps)
        m.conv = nn.Conv2d(old.in_channels, old.out_channels, old.kernel_size, old.stride, old.padding, bias=True)
        m.conv.weight.data = (old.weight * gain[:, None, None, None]).detach()
        m.conv.bias.data = (m.bn.bias - m.bn.running_mean * gain).detach()
        m.bn = nn.Identity()
    return net


def mix(net, other, share):
    """A folded Net with so large a share of another's weights, for networks of which one was trained from the other."""
    ours, theirs = fold(net).state_dict(), fold(other).state_dict()
    net.load_state_dict({k: torch.lerp(v, theirs[k], share) for k, v in ours.items()})
    return net


def from_onnx(path):
    """A Net that computes what the file does.  Its batch norms know no statistics yet: settle() before training."""
    held = {t.name: torch.from_numpy(onnx.numpy_helper.to_array(t).copy()) for t in onnx.load(path).graph.initializer}
    net = Net()
    state = net.state_dict()
    for name, m in normed(net):
        state[f"{name}.bn.bias"] = held.get(f"net.{name}.conv.bias", state[f"{name}.bn.bias"])
        state[f"{name}.bn.weight"].fill_(math.sqrt(1 + m.bn.eps))  # mean 0, variance 1: what goes in comes out
    for name in state:
        if ".bn." in name:
            continue
        if f"net.{name}" not in held or held[f"net.{name}"].shape != state[name].shape:
            sys.exit(f"{path}: no weights net.{name} of {list(state[name].shape)}: not a file that export.py wrote")
        state[name] = held[f"net.{name}"]
    net.load_state_dict(state)
    return net.eval()


def settle(net, batches):
    """Gives batch norms the mean and variance of what comes in, and gains and biases with which the network computes what it
    did before.  A batch norm that trains replaces the statistics by those of its batch; with settled ones that changes little."""
    sums, hooks = {}, []

    def watch(name):
        def hook(module, inputs):
            x = inputs[0].detach().double().transpose(0, 1).flatten(1)
            n, s, q = sums.get(name, (0, 0, 0))
            sums[name] = (n + x.shape[1], s + x.sum(1), q + (x * x).sum(1))
        return hook
    convs = normed(net)
    for name, m in convs:
        hooks.append(m.bn.register_forward_pre_hook(watch(name)))
    with torch.no_grad():
        for x in batches:
            net.eval()(x)
    for h in hooks:
        h.remove()
    for name, m in convs:
        n, s, q = sums[name]
        mean, var = (s / n).float(), (q / n - (s / n) ** 2).clamp(min=0).float()
        gain = m.bn.weight.data / torch.sqrt(m.bn.running_var + m.bn.eps)
        m.bn.bias.data += (mean - m.bn.running_mean) * gain
        m.bn.weight.data = gain * torch.sqrt(var + m.bn.eps)
        m.bn.running_mean, m.bn.running_var = mean, var
    return net


def load(path):
    """A Net in inference mode; a checkpoint's are the averaged weights."""
    if path.endswith(".onnx"):
        return from_onnx(path)
    held = torch.load(path, map_location="cpu")
    net = Net()
    net.load_state_dict(held["ema"])
    return net.eval()
