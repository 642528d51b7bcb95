#!/usr/bin/env python3
"""bench/arm_gate.py - instructions of every ARM kernel against those in bench/arm_counts.tsv.

    arm_gate.py BUILD... [--write]

BUILD are folders of ARM builds that have `check`.  Without --write fails where a benchmark of a kernel takes more than 1 %
more or fewer instructions than the file says, or is not in it: fewer are good news, which the file then has to tell.  Counts
are those of one compiler, which the file names; another one's are not compared."""
import argparse
import os
import sys

import arm_kernels
import guest

LIMIT = 0.01
FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "arm_counts.tsv")
# By architecture: the instruction sets, and the processor of qemu that has each.
ISAS = {"aarch64": (("neon", "max"), ("neon_inorder", "cortex-a53"), ("neonfp16", "max"), ("neondot", "max"),
                    ("neonbf16", "max"), ("neoni8mm", "max")),
        "arm": (("neon", "cortex-a7"),)}


def compiler(arch):
    return guest.output([guest.TOOLS[arch][0] + "-gcc", "--version"]).splitlines()[0]


def count(builds, plugin):
    """{(architecture, instruction set, slot, label): instructions}"""
    counts = {}
    for build in builds:
        program = guest.Program(os.path.join(build, "check"))
        for isa, cpu in ISAS[program.arch]:
            for c in arm_kernels.count(build, plugin, cpu, isa, program=program):
                counts[program.arch, isa, c.slot, c.label] = c.instructions
    return counts


def read():
    compilers, counts = {}, {}
    with open(FILE) as f:
        for line in f:
            cell = line.rstrip("\n").split("\t")
            if cell[0] == "#":
                compilers[cell[1]] = cell[2]
            elif len(cell) == 5:
                counts[tuple(cell[:4])] = int(cell[4])
    return compilers, counts


def write(counts):
    with open(FILE, "w") as f:
        for arch in sorted({key[0] for key in counts}):
            f.write("#\t%s\t%s\n" % (arch, compiler(arch)))
        for key, n in counts.items():
            f.write("%s\t%d\n" % ("\t".join(key), n))
    print("%s: %d kernels and shapes" % (FILE, len(counts)))


def complaints(want, got, arch):
    for key, n in got.items():
        was = want.get(key)
        if was is None:
            yield "%s: not in the file (%d instructions)" % (" ".join(key), n)
        elif abs(n - was) > LIMIT * was:
            yield "%s: %d instructions, %+.1f %% of the %d in the file" % (" ".join(key), n, 100 * (n - was) / was, was)
    for key in want:
        if key[0] == arch and key not in got:
            yield "%s: in the file, but not counted" % " ".join(key)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("build", nargs="+")
    p.add_argument("--plugin", default="build/insn_count.so")
    p.add_argument("--write", action="store_true")
    o = p.parse_args()
    if o.write:
        return write(count(o.build, o.plugin))
    compilers, want = read()
    bad = []
    for build in o.build:
        arch = guest.architecture(os.path.join(build, "check"))
        if compilers.get(arch) != compiler(arch):
            print("SKIP counts of %s: they are those of %s, this is %s" % (arch, compilers.get(arch), compiler(arch)))
            continue
        got = count([build], o.plugin)
        bad += complaints(want, got, arch)
        print("counts: %d kernels and shapes of %s" % (len(got), arch))
    for line in bad:
        print("counts: " + line)
    if bad:
        sys.exit("counts: %d differ; if they should: make arm-counts" % len(bad))


if __name__ == "__main__":
    try:
        main()
    except guest.Failed as e:
        sys.exit("arm_gate: " + str(e))
