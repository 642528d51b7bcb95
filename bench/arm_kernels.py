#!/usr/bin/env python3
"""bench/arm_kernels.py - instructions of single kernels of an ARM build, counted under qemu, beside the least that would do.

    arm_kernels.py BUILD [--cpu=max] [--isa=neon] [--slot='gemm_*'] [--label='tile k *'] [--loop] [--functions] [--mca=CPU,...]

BUILD is the folder of an ARM build that has `check`, whose benchmarks these are.  One line for each of them: instructions for
a multiply-accumulate (or for a unit of work, for kernels that do not multiply), by kind, and against the ideal:

    ideal = multiplications that the kernel chose to do it with (FMLA, SMLAL, SDOT, ... and what widens their sums)
            + loads of 16 bytes, each operand of its tile once

of the whole call ("x ideal") and of the innermost loop alone ("loop").  No time can be told from either."""
import argparse
import os
import subprocess
import sys

import arm_kinds
import arm_mca
import guest

SIZE = {"gemm_f32": 4, "gemm_bf16": 2, "gemm_f16": 2, "gemm_s16": 2, "gemm_u8": 1}  # bytes of an element of both operands
TILE_S16 = (4, 16)  # gemm_s16 has no tile in the table: what its loads are judged by


class Count:
    """One benchmark of a kernel."""

    def __init__(self, line, window, library):
        _, self.isa, self.slot, self.label, work, self.unit, mr, nr = line.split("\t")
        self.window, self.work = window, float(work)
        self.macs = {"GFLOP/s": self.work / 2, "GOP/s": self.work / 2, "GMAC/s": self.work}.get(self.unit, 0)
        self.tile = TILE_S16 if self.slot == "gemm_s16" else (int(mr), int(nr))
        by_function = window.functions()
        self.functions = {f: n for f, n in by_function.items() if f in library or f.endswith("@plt") or f == "(libraries)"}
        self.instructions = sum(self.functions.values())
        self.kinds, self.multiplied = tally(window.program.arch, window.instructions(self.functions))
        self.loop = window.hottest_loop(self.functions)

    def loads(self, macs):
        """Of 16 bytes, so that `macs` of the tile have their operands: weights once for mr rows, rows once for nr columns."""
        mr, nr = self.tile
        return macs * (1 / mr + 1 / nr) * SIZE[self.slot] / 16

    def ideal(self):
        """Instructions of the whole call that cannot be spared, or None where this is no matrix product."""
        if self.slot not in SIZE or not self.multiplied:
            return None
        kinds, multiplied = self.of_loop() if self.loop else (None, 0)
        if not multiplied: # the loop is not the product's
            kinds, multiplied = self.kinds, self.multiplied
        return (kinds["multiply"] + kinds["widen"]) / multiplied * self.macs + self.loads(self.macs)

    def of_loop(self):
        code, _ = self.loop
        return tally(self.window.program.arch, [(i, 1) for i in code])

    def loop_over_ideal(self):
        if self.slot not in SIZE or self.loop is None:
            return None
        kinds, multiplied = self.of_loop()
        if not multiplied:
            return None
        return len(self.loop[0]) / (kinds["multiply"] + kinds["widen"] + self.loads(multiplied))


def tally(arch, instructions):
    kinds = dict.fromkeys(("multiply", "widen", "load", "store", "prefetch", "other"), 0)
    multiplied = 0
    for i, hits in instructions:
        what, macs = arm_kinds.kind(arch, i)
        kinds[what] += hits
        multiplied += macs * hits
    return kinds, multiplied


def functions_of(build):
    """All functions of the library, static ones too: what else ran is the benchmark's own."""
    names = subprocess.run(["nm", "--defined-only", os.path.join(build, "libpoise.a")], stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, text=True, check=True).stdout
    return {w[2] for w in map(str.split, names.splitlines()) if len(w) == 3 and w[1] in "tTwW"}


def count(build, plugin, cpu, isa=None, slot="*", label="*", program=None):
    """All benchmarks that match, as Counts."""
    program = program or guest.Program(os.path.join(build, "check"))
    args = ["--count=" + label, "--slot=" + slot] + (["--isa=" + isa] if isa else [])
    library, line, found = functions_of(build), None, []
    for item in program.run(plugin, cpu, args, "check_count_begin", "check_count_end"):
        if isinstance(item, guest.Window):
            found.append(Count(line, item, library))
        elif item.startswith("count\t"):
            line = item
    return found


def ratio(x):
    return "%5.3f" % x if x else "    -"


def show(c, o):
    kinds = c.kinds
    per = c.instructions / (c.macs or c.work)
    ideal = c.ideal()
    print("%-12s %-20s %-32s %10.5f %-5s %s x ideal, loop %s |%s" %
          (c.isa, c.slot, c.label, per, "/MAC" if c.macs else "/unit", ratio(c.instructions / ideal if ideal else None),
           ratio(c.loop_over_ideal()), "".join(" %s %.1f %%" % (k, 100 * n / c.instructions) for k, n in kinds.items() if n)))
    if o.functions:
        for f, n in sorted(c.functions.items(), key=lambda x: -x[1])[:12]:
            print("    %12d  %5.1f %%  %s" % (n, 100 * n / c.instructions, f))
    if c.loop and (o.loop or o.mca):
        code, runs = c.loop
        print("    loop in %s: %d instructions, %d times, %.1f %% of all" %
              (code[0].symbol, len(code), runs, 100 * len(code) * runs / c.instructions))
        for i in code if o.loop else []:
            print("        " + i.text)
        for cpu in o.mca.split(",") if o.mca else []:
            print("    " + arm_mca.report(c.window.program.arch, code, cpu))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("build")
    p.add_argument("--plugin", default="build/insn_count.so")
    p.add_argument("--cpu", default="max", help="of qemu: cortex-a53 has neon_inorder")
    p.add_argument("--isa")
    p.add_argument("--slot", default="gemm_*")
    p.add_argument("--label", default="*")
    p.add_argument("--loop", action="store_true", help="print the innermost loop")
    p.add_argument("--functions", action="store_true", help="instructions by function")
    p.add_argument("--mca", default="", metavar="CPU,...",
                   help="cycles of the loop by llvm-mca's models: cortex-a53, cortex-a55, cortex-a72, neoverse-n1")
    o = p.parse_args()
    found = count(o.build, o.plugin, o.cpu, o.isa, o.slot, o.label)
    for c in found:
        show(c, o)
    if not found:
        sys.exit("arm_kernels: nothing was counted: no such ISA on this CPU, slot or label")


if __name__ == "__main__":
    try:
        main()
    except guest.Failed as e:
        sys.exit("arm_kernels: " + str(e))
