"""A process of our own that goes on with what this one has imported, instead of importing it all again.

Importing the server costs two seconds of a processor; forked it is there at once, and its memory is shared.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import mmap
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress

_PR_SET_NAME = 15  # prctl(2)
_TOLD = (signal.SIGTERM, signal.SIGINT)


class SharedFlag:
    """Made before a fork: what a child sets its parent sees, also once the child is dead."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 1)

    def set(self) -> None:
        self._shared[0] = 1

    def is_set(self) -> bool:
        return bool(self._shared[0])


class Forked:
    """A child. Only from the thread that runs the loop, and no other may run: a lock it held stays held.

    OpenBLAS, which comes with numpy, ends its own before a fork.
    """

    def __init__(self, work: Callable[[], object], name: str) -> None:
        """It does `work`, in a group of its own: a Ctrl-C comes to us. Code 0, or what SystemExit brings.

        `name`: how `ps` and `top` call it, up to 15 bytes. Raises OSError where there is no room for it.
        """
        self.returncode: int | None = None
        """None while it lives; like Popen's, negative for a signal."""
        self._ended = asyncio.Event()
        watch = os.pidfd_open  # a portable Python may lack it: found out before there is a child
        for stream in (sys.stdout, sys.stderr):
            stream.flush()  # else both would write what waits there
        # A signal that came before it has shed our handlers would be told to us, by the pipe we share.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _TOLD)
        try:
            self.pid = os.fork()
            if self.pid == 0:
                _live(work, name, before)
        finally:  # also where there is no room for another process
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        try:
            self._watched = watch(self.pid)
        except OSError:  # no free file: nobody could watch it
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            raise
        asyncio.get_running_loop().add_reader(self._watched, self._reap)

    async def wait(self) -> int:
        """Until it has ended; its code."""
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def _send(self, what: signal.Signals) -> None:
        if self.returncode is None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._watched, what)

    def _reap(self) -> None:
        asyncio.get_running_loop().remove_reader(self._watched)
        os.close(self._watched)
        self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self._ended.set()


def share() -> None:
    """What is imported by now stays as it is: a collection in a child would copy every page it looks at."""
    gc.collect()
    gc.freeze()


def _live(work: Callable[[], object], name: str, mask: set[signal.Signals | int]) -> None:
    """The child's life, from which nothing returns into the parent's loop."""
    code = 1
    try:
        os.setpgid(0, 0)
        ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode())
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        # The parent's loop is left as it is, open: closing it here would deafen the parent (epoll(7)).
        asyncio._set_running_loop(None)
        work()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
