"""Events that can be waited for beside a socket."""

import os
import select
import time

from . import PATIENCE


class Signal:
    """Like threading.Event, but poll() sees it."""

    def __init__(self):
        self.fd = os.eventfd(0, os.EFD_CLOEXEC)

    def set(self):
        os.eventfd_write(self.fd, 1)

    def is_set(self):
        return bool(select.select([self.fd], [], [], 0)[0])

    def wait(self, timeout=PATIENCE):
        """True once it is set, False after ${timeout} seconds."""
        return bool(select.select([self.fd], [], [], timeout)[0])

    def __del__(self):
        os.close(self.fd)


def wait_process(pid, timeout=PATIENCE):
    """Wait until process ${pid}, no child of ours, has ended."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([fd], [], [], timeout)[0])
    finally:
        os.close(fd)


def wait_hangup(sock, timeout=PATIENCE):
    """Wait until the peer of ${sock} closes or resets; its time, or None.

    Bytes that the peer sends meanwhile are thrown away.
    """
    poll = select.poll()
    poll.register(sock, select.POLLIN | select.POLLRDHUP)
    end = time.monotonic() + timeout
    while True:
        left = end - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            return None
        try:
            if not sock.recv(65536):
                return time.monotonic()
        except OSError:
            return time.monotonic()
