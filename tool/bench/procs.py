"""Processes that are measured: where they run, what they use."""

import os
import pathlib
import resource
import subprocess
import time

WAIT = 20


def raise_limit():
    """Allow as many descriptors as the system lets us have; how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def cores(pin):
    """(set for the proxy, set for engine and load); None: anywhere."""
    have = sorted(os.sched_getaffinity(0))
    if not pin or len(have) < 2:
        return None, None
    return {have[-1]}, set(have[:-1])


def spawn(argv, where, **more):
    """Start a program on these cores."""
    return subprocess.Popen(
        [str(a) for a in argv],
        stdin=more.pop("stdin", subprocess.DEVNULL),
        preexec_fn=lambda: where and os.sched_setaffinity(0, where),
        **more,
    )


def read(path):
    try:
        return pathlib.Path(path).read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def family(pid):
    """${pid} and all of its descendants."""
    pids = [pid]
    for task in pathlib.Path("/proc/%d/task" % pid).glob("*/children"):
        for child in read(task).split():
            pids += family(int(child))
    return pids


def cpu_us(pid):
    """CPU time of a family so far, in microseconds.

    The scheduler's nanoseconds where the kernel tells them, else clock ticks.
    """
    total = 0.0
    for member in family(pid):
        tasks = list(pathlib.Path("/proc/%d/task" % member).glob("*/schedstat"))
        spent = sum(int(read(t).split()[0] or 0) for t in tasks if read(t))
        if spent:
            total += spent / 1000
            continue
        stat = read("/proc/%d/stat" % member).rpartition(")")[2].split()
        if stat:
            ticks = int(stat[11]) + int(stat[12])
            total += ticks * 1e6 / os.sysconf("SC_CLK_TCK")
    return total


def status_kib(pid, field):
    """The sum of a field of /proc/PID/status over a family, in KiB."""
    total = 0
    for member in family(pid):
        for line in read("/proc/%d/status" % member).splitlines():
            if line.startswith(field + ":"):
                total += int(line.split()[1])
    return total


def stop(process):
    """End a process that we started."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(WAIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_port(port, process):
    """Until something listens on ${port}."""
    import socket

    end = time.monotonic() + WAIT
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None:
                raise SystemExit("a proxy did not start: %s" % process.args)
            if time.monotonic() > end:
                raise SystemExit("nothing listens on %d" % port) from None
            time.sleep(0.02)
