"""Work in batches on several processes, the results in the order of the batches."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import connection, get_context, parent_process
from typing import TypeVar

Batch = TypeVar("Batch")
Result = TypeVar("Result")


def ordered(
    work: Callable[[Batch], Result], batches: Iterable[Batch], processes: int
) -> Iterator[tuple[Batch, Result]]:
    """Each batch with what `work` makes of it, in order; only a few batches are under way at a time.

    With fewer than two processes the work is done here. `work` is a function of a module, or a `partial` of one.
    """
    if processes < 2:
        yield from ((batch, work(batch)) for batch in batches)
        return
    waiting: deque[tuple[Batch, Future[Result]]] = deque()
    with ProcessPoolExecutor(processes, get_context("spawn"), _end_with_parent) as pool:
        try:
            for batch in batches:
                waiting.append((batch, pool.submit(work, batch)))
                if len(waiting) > 2 * processes:
                    done, result = waiting.popleft()
                    yield done, result.result()
            for done, result in waiting:
                yield done, result.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""

    def watch() -> None:
        parent = parent_process()
        if parent is not None:
            connection.wait([parent.sentinel])
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
