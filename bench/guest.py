"""bench/guest.py - runs a program for ARM under qemu with bench/insn_count.c and tells which instructions ran how often."""
import os
import re
import shutil
import subprocess

TOOLS = {"aarch64": ("aarch64-linux-gnu", "qemu-aarch64"), "arm": ("arm-linux-gnueabihf", "qemu-arm")}


class Failed(Exception):
    pass


def output(command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, **more)
    if done.returncode:
        raise Failed("%s: exit status %d\n%s" % (" ".join(command), done.returncode, done.stdout[-2000:]))
    return done.stdout


def architecture(path):
    with open(path, "rb") as f:
        head = f.read(20)
    if head[:4] != b"\x7fELF":
        raise Failed(path + ": not a program")
    machine = head[18] + 256 * head[19]
    for name, number in (("aarch64", 183), ("arm", 40)):
        if machine == number:
            return name
    raise Failed("%s: neither for aarch64 nor for ARM (machine %d)" % (path, machine))


class Instruction:
    __slots__ = ("at", "text", "symbol", "name")

    def __init__(self, at, text, symbol):
        self.at, self.text, self.symbol = at, text, symbol
        self.name = text.split(None, 1)[0]


class Program:
    """A program with symbols: its instructions in the order of their addresses."""

    def __init__(self, path):
        self.path, self.arch = path, architecture(path)
        prefix, self.qemu = TOOLS[self.arch]
        objdump = shutil.which(prefix + "-objdump") or "objdump"
        self.listing, self.index, self.start = [], {}, {}
        symbol = None
        for line in output([objdump, "-d", "--no-show-raw-insn", path]).splitlines():
            head = re.match(r"([0-9a-f]+) <(.*)>:$", line)
            if head:
                symbol = head[2]
                self.start.setdefault(symbol, int(head[1], 16))
                continue
            code = re.match(r" *([0-9a-f]+):\t(.*)", line)
            if code:
                self.index[int(code[1], 16)] = len(self.listing)
                self.listing.append(Instruction(int(code[1], 16), re.sub(r"\s*(//|;|@ ).*", "", code[2]), symbol))

    def run(self, plugin, cpu, args, begin, end, env=None):
        """What it prints, as a list: lines, and a Window for what ran between the functions begin and end."""
        command = [self.qemu, "-L", "/usr/" + TOOLS[self.arch][0], "-cpu", cpu, "-plugin",
                   "%s,begin=%s,end=%s" % (plugin, begin, end), self.path] + args
        found = []
        for line in output(command, env=dict(os.environ, **(env or {}))).splitlines():
            word = line.split()
            if word[:1] == ["window"]:
                found.append(Window(self, int(word[2], 16) - self.start[begin]))
            elif word[:1] == ["block"]:
                found[-1].add(int(word[1], 16), int(word[2]), int(word[3]))
            else:
                found.append(line)
        return found


class Window:
    """How often each instruction ran."""

    def __init__(self, program, bias):
        self.program, self.bias = program, bias
        self.hits = {}   # by place in program.listing
        self.outside = 0  # instructions of libraries

    def add(self, at, n, hits):
        first = self.program.index.get(at - self.bias)
        if first is None:
            self.outside += n * hits
            return
        for i in range(first, min(first + n, len(self.program.listing))):
            self.hits[i] = self.hits.get(i, 0) + hits

    def functions(self):
        """Instructions by function."""
        sums = {"(libraries)": self.outside} if self.outside else {}
        for i, hits in self.hits.items():
            symbol = self.program.listing[i].symbol
            sums[symbol] = sums.get(symbol, 0) + hits
        return sums

    def instructions(self, symbols):
        """Those of these functions that ran, and how often."""
        listing = self.program.listing
        return [(listing[i], hits) for i, hits in sorted(self.hits.items()) if listing[i].symbol in symbols]

    def hottest_loop(self, symbols):
        """The innermost loop in which most instructions of these functions run: (its instructions, how often it ran)."""
        best, found = 0, None
        listing = self.program.listing
        for i, hits in self.hits.items():
            target = re.search(r"\s([0-9a-f]+) <", listing[i].text)
            first = self.program.index.get(int(target[1], 16)) if target else None
            if listing[i].symbol not in symbols or first is None or not i - 600 < first <= i:
                continue
            if re.match(r"blx?\b", listing[i].name):
                continue
            runs = min(hits, self.hits.get(first, 0))
            # Innermost: everything in it runs about as often as its end.
            inside = sum(self.hits.get(k, 0) for k in range(first, i + 1))
            weight = runs * (i + 1 - first)
            if weight > best and 0.8 * weight < inside < 1.2 * weight:
                best, found = weight, (listing[first:i + 1], runs)
        return found
