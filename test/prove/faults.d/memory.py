"""Real limits of memory: the control group that weir makes for an engine."""

import ctypes
import pathlib
import re
import signal
import subprocess
import sys
import time

HOG = """
import os, sys
with open(sys.argv[1] + "/cgroup.procs", "w") as f:
    f.write("0")
held = []
for line in sys.stdin:
    n = int(line)
    held = [b"x" * (1 << 20) for _ in range(n)]
    print(n, flush=True)
"""
V1 = pathlib.Path("/sys/fs/cgroup/memory")
V2 = pathlib.Path("/sys/fs/cgroup")


def group_of(pid):
    """(its folder, is it of version 1); None where weir may make none."""
    text = pathlib.Path("/proc/%d/cgroup" % pid).read_text()
    for mark, root, is_v1 in ((":memory:", V1, True), ("0::", V2, False)):
        found = re.search(re.escape(mark) + "(/.*)", text)
        if found and "weir-" in found[1]:
            return pathlib.Path(str(root) + found[1]), is_v1
    return None


class Limited:
    """The group of the engine ${pid}, which may be given a limit."""

    def __init__(self, pid):
        found = group_of(pid)
        self.is_there = found is not None
        if self.is_there:
            self.folder, self.is_v1 = found
            v1 = ("memory.limit_in_bytes", "memory.usage_in_bytes")
            v2 = ("memory.max", "memory.current")
            self.limit, self.usage = v1 if self.is_v1 else v2

    def used(self):
        return int((self.folder / self.usage).read_text())

    def set(self, size):
        (self.folder / self.limit).write_text(str(size))

    def free(self):
        self.set(-1 if self.is_v1 else "max")

    def hog(self):
        return Hog(self.folder)


class Hog:
    """A program in the group that holds as many MiB as it is told."""

    def __init__(self, folder):
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOG, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def hold(self, mib):
        self.process.stdin.write("%d\n" % mib)
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def end(self):
        self.process.kill()
        self.process.wait()
