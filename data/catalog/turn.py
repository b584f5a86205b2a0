"""Waiting for one's turn: a file that one process at a time holds, in the order in which they came.

The kernel keeps the line. Whoever asks again and again whether a file is free, instead, goes
without it for long on a busy machine while others take it twice.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def turn(path: Path, *, wait_s: float) -> Iterator[None]:
    """Hold `path` for the length of the block; makes the file where it is missing.

    Raises:
        TimeoutError: Others held it for longer than `wait_s`.
    """
    file = _Waiting(path)
    file.take(wait_s)
    try:
        yield
    finally:
        file.let_go()


class _Waiting:
    """A place in the line, which can be given up."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        self._changing = threading.Lock()
        self._taken = threading.Event()
        self._given_up = False

    def take(self, wait_s: float) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            threading.Thread(target=self._stand_in_line, name="turn", daemon=True).start()
            self._taken.wait(wait_s)
            with self._changing:
                self._given_up = not self._taken.is_set()
            if self._given_up:
                raise TimeoutError(f"{self._path} is held") from None

    def let_go(self) -> None:
        os.close(self._file)

    def _stand_in_line(self) -> None:
        # No call that waits for a lock can be given a time-out, so it waits in a thread of its own.
        fcntl.flock(self._file, fcntl.LOCK_EX)
        with self._changing:
            self._taken.set()
            given_up = self._given_up
        if given_up:
            self.let_go()
