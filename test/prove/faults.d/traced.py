"""A process that hangs, exactly: each of its threads is held by ptrace(2).

It is not stopped by a signal, and yet does nothing; kill -9 ends it.
"""

import ctypes
import os
import threading
import time

SEIZE, INTERRUPT = 0x4206, 0x4207
WALL = 0x40000000  # __WALL: other threads than the first, too
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [
    ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p
]
libc.ptrace.restype = ctypes.c_long


def collect(tids):
    """Once they end their parent is to hear of it, so we must hear first."""
    while tids:
        for tid in list(tids):
            try:
                found, status = os.waitpid(tid, WALL | os.WNOHANG)
            except ChildProcessError:
                tids.remove(tid)
                continue
            if found and not os.WIFSTOPPED(status):
                tids.remove(tid)
        time.sleep(0.01)


def hold(pid):
    """Hold all threads of ${pid} until it, or the calling thread, ends."""
    tids = sorted(map(int, os.listdir("/proc/%d/task" % pid)))
    for tid in tids:
        for request in (SEIZE, INTERRUPT):
            if libc.ptrace(request, tid, None, None) != 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number))
        os.waitpid(tid, WALL)
    threading.Thread(target=collect, args=[tids], daemon=True).start()
