"""Child programs that never outlive this one.

Each child leads a session of its own, so that Ctrl-C in the terminal reaches
only the parent, which then stops its children in order.  Should the parent be
killed, the kernel tells the child (PR_SET_PDEATHSIG).  Grandchildren whose
parent dies come to us (PR_SET_CHILD_SUBREAPER) and are ended as well.
"""
import ctypes
import os
import signal
import subprocess
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
_libc = ctypes.CDLL(None)


class Stopped(BaseException):
    """A signal asked this program to end."""


def _on_signal(number, _frame):
    raise Stopped(number)


def catch_signals():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _on_signal)
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _in_child():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def own_children():
    """Ids of all processes whose parent we are."""
    try:
        with open("/proc/thread-self/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []


class Children:
    def __init__(self):
        self.running = []  # (name, Popen), in the order of their start

    def start(self, name, argv, output, **options):
        """Start ${argv}; what it says goes to the file ${output}."""
        with open(output, "ab") as file:
            child = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                start_new_session=True, preexec_fn=_in_child, **options)
        self.running.append((name, child))
        return child

    def run(self, name, argv):
        """Run ${argv} to its end, its words to stderr; (status, stdout)."""
        child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            start_new_session=True, preexec_fn=_in_child, text=True)
        child.whole_group = True  # a shell waits for its command to end
        self.running.append((name, child))
        text = child.stdout.read()
        status = child.wait()
        self.running.remove((name, child))
        return status, text.strip()

    def ended(self):
        """Name and status of a child that has ended, or None."""
        for name, child in self.running:
            if child.poll() is not None:
                return name, child.returncode
        return None

    def stop(self):
        """End all children, the last started first; returns when all gone."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for _, child in reversed(self.running):
            end(child)
        self.running = []
        for pid in own_children():  # what those left behind
            _kill(os.kill, pid)
            try:
                os.waitpid(pid, 0)
            except OSError:
                pass


def _kill(how, target):
    try:
        how(target, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def end(child, patience=2.0):
    """Ask the child to end, then make it; nothing of its group remains."""
    deadline = time.monotonic() + patience
    if child.poll() is None:
        if getattr(child, "whole_group", False):
            os.killpg(child.pid, signal.SIGTERM)
        else:
            child.terminate()
        try:
            child.wait(max(deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            pass
    _kill(os.killpg, child.pid)
    child.wait()
