"""Work for several processes where one that dies costs what it did, and not the rest."""

from collections.abc import Callable, Sequence
from typing import Any

from marslab import workers as processes


def run(
    function: Callable[[Any], Any],
    items: Sequence[Any],
    *,
    workers: int | None = None,
    died: Callable[[Any, processes.WorkerError], Any],
    on_result: Callable[[int, Any], None],
) -> list[Any]:
    """Return [function(item) for item in items] as `marslab.workers.run` does.

    Where the function raises, or its process dies, the result is died(item, error).

    >>> told = []
    >>> run(abs, [-1, 2], died=lambda item, error: None, on_result=lambda i, x: told.append(i))
    [1, 2]
    """
    done: dict[int, Any] = {}

    def keep(index: int, result: Any) -> None:
        done[index] = result
        on_result(index, result)

    side_by_side = workers or processes.cores()
    while left := [index for index in range(len(items)) if index not in done]:
        batch = [items[index] for index in left]
        try:
            processes.run(
                function,
                batch,
                workers=side_by_side,
                on_result=lambda at, result, left=left: keep(left[at], result),
            )
        except processes.WorkerError:
            # All processes have ended. They take items in order: what they had in work are the
            # first that are not done, and each of those now shows alone how it goes.
            for index in [index for index in left if index not in done][: side_by_side + 1]:
                keep(index, _alone(function, items[index], died))
    return [done[index] for index in range(len(items))]


def _alone(
    function: Callable[[Any], Any], item: Any, died: Callable[[Any, processes.WorkerError], Any]
) -> Any:
    try:
        (result,) = processes.run(function, [item], workers=1)
    except processes.WorkerError as error:
        return died(item, error)
    return result
