"""Work in threads beside the caller's: reading ahead, counting and writing behind."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

AHEAD = 2
"""Images read before the network asks, and predicted before they are counted: more would only hold memory."""

Given = TypeVar("Given")
Made = TypeVar("Made")


def in_background(
    function: Callable[[Given], Made], given: Iterable[Given], ahead: int = AHEAD, threads: int = 1
) -> Iterator[Made]:
    """`map` in threads of its own: results in order, at most `ahead` more begun than were asked for.

    An error of `function` is raised where its result would have come, one of `given` at once.
    """
    waiting: deque[Future[Made]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for each in given:
            waiting.append(pool.submit(function, each))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
