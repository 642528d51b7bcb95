#!/usr/bin/env python3
"""bench/arm_table.py - the tables of bench/results/*-arm.md: kernels, their loops in llvm-mca's models, whole networks.

    arm_table.py -o FILE [--fp32=MODEL --int8=MODEL] BUILD_aarch64 [BUILD_arm]

Everything runs under qemu and is counted, nothing timed.  Models are .onnx or .poise files."""
import argparse
import os
import sys
import tempfile

import arm_gate
import arm_kernels
import arm_mca
import guest

MODELS = ("cortex-a53", "cortex-a55", "cortex-a72", "neoverse-n1", "neoverse-n2")
# Those whose processor has the instructions, and would run these kernels.
MODELS_OF = {"neon": MODELS[:4], "neon_inorder": MODELS[:2], "neonfp16": ("cortex-a55", "neoverse-n1"),
             "neondot": ("cortex-a55", "neoverse-n1"), "neonbf16": ("neoverse-n2",), "neoni8mm": ("neoverse-n2",)}
HOT = ("gemm_f32", "gemm_f16", "gemm_bf16", "gemm_u8", "gemm_s16", "dwconv_f32", "dwconv_u8")
SHOWN = ("k 64, 784x64", "k 256, 784x64", "3x3 64>64 80x80", "3x3 64>64 80x80 silu", "3x3 256>256 20x20",
         "3x3 256>256 20x20 silu", "1x1 64>64 80x80", "1x1 64>64 80x80 silu", "stem 27>16 320x320 silu",
         "stem 3x12>16 320x320 silu", "tile k 256",
         "96 x 64 x 64")


def number(x, form="%.3f"):
    return form % x if x else "-"


def shown(c):
    return c.slot in HOT and (c.label in SHOWN or c.slot.startswith("dwconv"))


def kernel_rows(counts):
    yield ("| ISA | slot | shape | instructions / MAC | x ideal, call | x ideal, loop | multiply | widen | load | store "
           "| other |")
    yield "|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    for c in counts:
        if not shown(c):
            continue
        ideal, k = c.ideal(), c.kinds
        share = ["%.0f %%" % (100 * n / c.instructions) for n in
                 (k["multiply"], k["widen"], k["load"], k["store"], k["other"] + k["prefetch"])]
        yield "| %s | %s | %s | %.4f | %s | %s | %s |" % (c.isa, c.slot, c.label, c.instructions / c.macs,
                                                       number(c.instructions / ideal if ideal else None),
                                                       number(c.loop_over_ideal()), " | ".join(share))


def other_rows(counts):
    yield "| ISA | slot | shape | instructions | a unit of work |"
    yield "|---|---|---|--:|--:|"
    for c in counts:
        if c.slot not in HOT:
            yield "| %s | %s | %s | %d | %.3f / %s |" % (c.isa, c.slot, c.label, c.instructions, c.instructions / c.work,
                                                    c.unit.split("/")[0].lstrip("G").lower())


def loops(counts):
    """The loop of each product, once: that of its largest benchmark."""
    found = {}
    for c in counts:
        if c.slot in HOT and c.loop and c.of_loop()[1]:
            best = found.get((c.isa, c.slot))
            if not best or c.macs > best.macs:
                found[c.isa, c.slot] = c
    return list(found.values())


def busy(cpu, cycles, alone):
    if not cycles or not alone:
        return "-"
    text = "%.1f, %.0f %%" % (cycles, 100 * alone / cycles)
    if cpu != "cortex-a55":
        return text
    return text + " (%.0f %%)" % min(100, 200 * alone / cycles) # twice the rate of the processor is in the model


def mca_rows(counts):
    yield "| ISA | slot | loop in | instructions | multiply + widen | load | x ideal | " + " | ".join(MODELS) + " |"
    yield "|---|---|---|--:|--:|--:|--:|" + "--:|" * len(MODELS)
    for c in loops(counts):
        code, _ = c.loop
        kinds, _ = c.of_loop()
        cells = []
        for cpu in MODELS:
            cycles, alone = arm_mca.judge(code, cpu) if cpu in MODELS_OF[c.isa] else (None, None)
            cells.append(busy(cpu, cycles, alone))
        yield "| %s | %s | `%s` | %d | %d | %d | %s | %s |" % (c.isa, c.slot, code[0].symbol, len(code),
                                                         kinds["multiply"] + kinds["widen"], kinds["load"],
                                                         number(c.loop_over_ideal()), " | ".join(cells))


# ---- networks ----

STEPS = (("fp32", "neon", "fp32", []), ("int8", "neon", "int8", []), ("int8, dotprod", "neondot", "int8", []),
         ("int8, i8mm", "neoni8mm", "int8", []), ("fast, fp16", "neonfp16", "fp32", ["--precision", "fast"]),
         ("fast, bf16", "neonbf16", "fp32", ["--precision", "fast"]))


class Network:
    def __init__(self, build, plugin, folder):
        self.build, self.plugin, self.folder = build, plugin, folder
        self.program = guest.Program(os.path.join(build, "poise"))

    def emulated(self, name, isa, args):
        path = os.path.join(self.build, name)
        guest.output([self.program.qemu, "-L", "/usr/" + guest.TOOLS[self.program.arch][0], "-cpu", "max", path] + args,
                     env=dict(os.environ, POISE_ISA=isa))

    def convert(self, model):
        made = os.path.join(self.folder, os.path.basename(model) + ".poise")
        if not os.path.exists(made):
            self.emulated("poise", "neon", ["convert", model, made])
        return made

    def count(self, model, isa, direct, args):
        """Instructions of one run by function, Winograd left out if direct."""
        tuning = "none"
        if direct:
            tuning = os.path.join(self.folder, "direct.tune")
            self.emulated("direct_tuning", isa, [model, tuning])
        command = ["bench", model, "-q", "-r", "1", "-t", "1", "--tuning", tuning] + args
        windows = [w for w in self.program.run(self.plugin, "max", command, "poise_session_run", "poise_session_run",
                                               {"POISE_ISA": isa}) if isinstance(w, guest.Window)]
        functions = windows[-1].functions()  # from one run to the next: what lies between is the inputs' noise
        functions.pop("ps_session_fill_noise", None)
        return functions


def network_rows(network, models):
    yield ("| step | ISA | instructions, M | to the step before | to fp32 | without Winograd, M | to the step before | to fp32 "
           "| most in |")
    yield "|---|---|--:|--:|--:|--:|--:|--:|---|"
    before = first = None
    for name, isa, kind, args in STEPS:
        if not models[kind]:
            continue
        model = network.convert(models[kind])
        fast = bool(args) # its products are not those of the tuning
        functions = [network.count(model, isa, direct, args) for direct in (False, True)[:1 if fast else 2]]
        now = [sum(f.values()) for f in functions]
        first = first or now
        cells = []
        for i in (0, 1):
            if i >= len(now):
                cells += ["-", "-", "-"]
                continue
            cells += ["%.1f" % (now[i] / 1e6), "%.3f" % (now[i] / before[i]) if before and not fast else "-",
                      "%.3f" % (now[i] / first[i])]
        top = sorted(functions[0].items(), key=lambda x: -x[1])[:4]
        yield "| %s | %s | %s | %s |" % (name, isa, " | ".join(cells),
                                      ", ".join("`%s` %.0f %%" % (f, 100 * n / now[0]) for f, n in top))
        before = before if fast else now


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("build", nargs="+")
    p.add_argument("-o", "--output", required=True)
    p.add_argument("--tables", default="kernels,networks", help="kernels, networks, or both")
    p.add_argument("--fp32")
    p.add_argument("--int8")
    p.add_argument("--plugin", default="build/insn_count.so")
    o = p.parse_args()
    everything = {}
    for build in o.build if "kernels" in o.tables else []:
        program, counts = guest.Program(os.path.join(build, "check")), []
        for isa, cpu in arm_gate.ISAS[program.arch]:
            counts += arm_kernels.count(build, o.plugin, cpu, isa, program=program)
        everything.update({(program.arch, c.isa, c.slot, c.label): c.instructions for c in counts})
        fill(o.output, "kernels " + program.arch, kernel_rows(counts))
        fill(o.output, "others " + program.arch, other_rows(counts))
        if program.arch == "aarch64":
            fill(o.output, "loops", mca_rows(counts))
    if len(o.build) == len(arm_gate.ISAS) and everything:
        arm_gate.write(everything)
    models = {"fp32": o.fp32, "int8": o.int8}
    if "networks" in o.tables and any(models.values()):
        with tempfile.TemporaryDirectory() as folder:
            fill(o.output, "networks", network_rows(Network(o.build[0], o.plugin, folder), models))


def fill(path, name, rows):
    """Writes a table between <!-- table NAME --> and <!-- end --> in the file, whose words people wrote."""
    rows = list(rows)
    with open(path) as f:
        head, begin, rest = f.read().partition("<!-- table %s -->\n" % name)
    _, end, tail = rest.partition("<!-- end -->")
    if not end:
        sys.exit("arm_table: %s has no place for the table of %s" % (path, name))
    with open(path, "w") as f:
        f.write(head + begin + "\n".join(rows) + "\n" + end + tail)
    print("%s: %s" % (path, name), flush=True)


if __name__ == "__main__":
    try:
        main()
    except guest.Failed as e:
        sys.exit("arm_table: " + str(e))
