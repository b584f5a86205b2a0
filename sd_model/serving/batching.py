"""Dynamic batching: what waits while one batch is judged becomes the next batch.

Nobody waits for a batch to fill, so one request alone is answered as fast as can be, and many at
once are judged together. Several workers judge batches side by side, so that no core rests while
another prepares images.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from data.errors import GoalpostError

Item = TypeVar("Item")
Verdict = TypeVar("Verdict")


class Overloaded(GoalpostError):
    """More is waiting to be judged than can be judged soon."""


class Batcher(Generic[Item, Verdict]):
    """Judges items in threads of its own, as many at once as are waiting.

    Args:
        judge: Verdicts of a batch, in its order; called by several threads where there are several
            workers.
        largest: Items in one batch at most.
        waiting: Items that may wait at most.
        workers: Batches that may be judged at the same time.
    """

    def __init__(
        self,
        judge: Callable[[Sequence[Item]], Sequence[Verdict]],
        *,
        largest: int = 32,
        waiting: int = 256,
        workers: int = 1,
    ) -> None:
        self._judge = judge
        self._largest = largest
        self._queue: queue.Queue[tuple[Item, Future[Verdict]] | None] = queue.Queue(waiting)
        self._threads = [
            threading.Thread(target=self._work, name=f"batcher-{worker}", daemon=True)
            for worker in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """How many items wait now, roughly."""
        return self._queue.qsize()

    def submit(self, item: Item) -> Future[Verdict]:
        """The verdict on an item, once there is one. Raises `Overloaded`."""
        future: Future[Verdict] = Future()
        try:
            self._queue.put_nowait((item, future))
        except queue.Full as error:
            raise Overloaded(
                f"{self._queue.maxsize} frame sets are waiting already.",
                next_step="Ask again in a second, or ask for less.",
            ) from error
        return future

    def close(self) -> None:
        """Judge what waits, then stop; calling it again does nothing."""
        working = [thread for thread in self._threads if thread.is_alive()]
        for _ in working:
            self._queue.put(None)
        for thread in working:
            thread.join()

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            batch = [first]
            ended = False
            while len(batch) < self._largest:
                try:
                    more = self._queue.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    ended = True
                    break
                batch.append(more)
            self._answer(batch)
            if ended:
                return

    def _answer(self, taken: Sequence[tuple[Item, Future[Verdict]]]) -> None:
        # Whoever no longer wants an answer may say so up to here, and not later.
        batch = [each for each in taken if each[1].set_running_or_notify_cancel()]
        if not batch:
            return
        try:
            verdicts = self._judge([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - it belongs to those who wait, not to this thread
            for _, future in batch:
                future.set_exception(error)
            return
        for (_, future), verdict in zip(batch, verdicts, strict=True):
            future.set_result(verdict)
