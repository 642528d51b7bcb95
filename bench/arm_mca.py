"""bench/arm_mca.py - cycles of a loop by llvm-mca's models of processors, and how busy its multipliers are in them."""
import functools
import re
import shutil
import subprocess

import arm_kinds

FEATURES = "+neon,+fullfp16,+dotprod,+bf16,+i8mm"


@functools.lru_cache(None)
def tool():
    for name in ("llvm-mca-19", "llvm-mca-18", "llvm-mca-17", "llvm-mca-16", "llvm-mca-15", "llvm-mca-14", "llvm-mca"):
        if shutil.which(name):
            return name
    return None


@functools.lru_cache(None)
def cycles(text, cpu, mattr=FEATURES):
    """Of one pass, or None where the model does not know an instruction."""
    n = 400
    done = subprocess.run([tool(), "-mtriple=aarch64-linux-gnu", "-mcpu=" + cpu, "-mattr=" + mattr, "-iterations=%d" % n,
                           "-instruction-info=0", "-resource-pressure=0"], input=text, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True)
    total = re.search(r"Total Cycles: *(\d+)", done.stdout)
    return int(total[1]) / n if total and not done.returncode else None


def assembly(code):
    """The loop as an assembler reads it."""
    lines = [".Lloop:"]
    for i in code:
        text = re.sub(r"\b[0-9a-f]+ <[^>]*>", ".Lloop", i.text)
        lines.append("\t" + text)
    return "\n".join(lines) + "\n"


def renamed(text, i):
    """A multiplication that waits for no other: it writes one of thirty registers in turn and reads two that none writes."""
    shape = re.match(r"(\S+)\s+v\d+(\.\w+), v\d+(\.\w+)(?:, v\d+(\.\w+(?:\[\d+\])?))?$", text)
    if not shape:
        return None
    name, d, a, b = shape.groups()
    return "%s v%d%s, v0%s" % (name, 2 + i % 30, d, a) + (", v1" + b if b else "")


def pipe(code, cpu):
    """Cycles that the multiplications of the loop take where nothing else is in their way."""
    kept = [i.text for i in code if arm_kinds.kind("aarch64", i)[0] in ("multiply", "widen")]
    lines = [renamed(text, i) for i, text in enumerate(kept)]
    return cycles("\n".join(lines) + "\n", cpu) if lines and None not in lines else None


def judge(code, cpu):
    """(cycles of the loop, cycles of its multiplications alone), None where there is no answer."""
    loop = cycles(assembly(code), cpu)
    return (loop, pipe(code, cpu)) if loop else (None, None)


def report(arch, code, cpu):
    if arch != "aarch64" or not tool():
        return "%s: %s" % (cpu, "llvm-mca has no model of ARMv7's NEON" if arch != "aarch64" else "llvm-mca is not installed")
    loop, multiplications = judge(code, cpu)
    if not loop or not multiplications:
        return "%s: the model does not know an instruction of the loop" % cpu
    return "%s: %.1f cycles a pass, multiplications alone %.1f: %.0f %% busy" % (cpu, loop, multiplications,
                                                                               100 * multiplications / loop)
