"""bench/arm_kinds.py - what an instruction of ARM is to a kernel: a multiplication of so many numbers, a load, a store."""
import re

# Multiply-accumulates of one instruction, by its name and the shape of its result.
DOTS = {"sdot": 4, "udot": 4, "usdot": 4, "sudot": 4, "bfdot": 2, "fdot": 2,
        "smmla": 8, "ummla": 8, "usmmla": 8, "bfmmla": 4,
        "vsdot": 4, "vudot": 4, "vusdot": 4, "vsmmla": 8, "vusmmla": 8, "vmmla": 4}
A64_SHAPES = {"2s": 2, "4s": 4, "4h": 4, "8h": 8, "2d": 2, "8b": 8, "16b": 16}


def a64(name, operands):
    shape = re.match(r"v\d+\.(\d+[bhsd])", operands)
    if shape and name in DOTS:
        return "multiply", DOTS[name] * A64_SHAPES[shape[1]]
    if shape and re.match(r"(fmla|fmls|fmul|fmlal|fmlal2|[su]mull2?|[su]mlal2?|[su]mlsl2?|mla|mls|mul|bfmlal[bt])$", name):
        return "multiply", A64_SHAPES[shape[1]]
    if re.match(r"f(n?m(add|sub)|mul)$", name):
        return "multiply", 1
    if re.match(r"[su](adalp|addlp|addw2?|addlv)$", name):
        return "widen", 0
    if re.match(r"prfu?m$", name):
        return "prefetch", 0
    if re.match(r"ld", name):
        return "load", 0
    if re.match(r"st", name):
        return "store", 0
    return "other", 0


def a32(name, operands):
    stem, _, rest = name.partition(".")
    wide = operands.startswith("q")
    bits = re.match(r"[a-z]*(\d+)", rest)
    lanes = (128 if wide else 64) // int(bits[1]) if bits else 1
    if stem in DOTS:
        return "multiply", DOTS[stem] * (4 if wide else 2)
    if stem in ("vfma", "vfms", "vmla", "vmls", "vmul") and bits:
        return "multiply", lanes if operands[:1] in "qd" else 1
    if stem in ("vmull", "vmlal", "vmlsl") and bits:
        return "multiply", 64 // int(bits[1])
    if stem in ("vpadal", "vpaddl", "vaddw"):
        return "widen", 0
    if stem in ("pld", "pldw", "pli"):
        return "prefetch", 0
    if re.match(r"(ldr|ldm|ldrd|vld|pop)", stem):
        return "load", 0
    if re.match(r"(str|stm|vst|push|vpush)", stem):
        return "store", 0
    return "other", 0


def kind(arch, instruction):
    """(what it is, how many numbers it multiplies and adds)."""
    _, _, operands = instruction.text.partition(instruction.name)
    return (a64 if arch == "aarch64" else a32)(instruction.name, operands.strip())
