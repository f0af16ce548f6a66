"""Questions to a disk that may hang, by who must not wait for it: the event loop, or a look at other disks.

Whoever sleeps in a disk can't be called back, and a process whose threads are waited for at its end would not
end. So these threads are nobody's to wait for, and a disk that hangs is asked by a few of them at most.
"""

from __future__ import annotations

import asyncio
import errno
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
HANG_SECONDS = 5.0  # a listing takes milliseconds


class DiskThread:
    """One thread, begun at the first question, that answers one after the other. For one event loop."""

    def __init__(self) -> None:
        self._questions: queue.SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]] | None] | None = None

    async def ask(self, question: Callable[[], T]) -> T:
        """Its answer, or what it raises. Who gives up while others are asked first does not ask at all."""
        return await self._put(question)

    async def end(self, last: Callable[[], object], seconds: float) -> bool:
        """Whether it was answered in so many seconds, or what it raised; it is asked however long that takes.

        The thread ends with it.
        """
        answer = self._put(last)
        self.close()
        await asyncio.wait({answer}, timeout=seconds)
        if answer.done():
            answer.result()
        return answer.done()

    def close(self, last: Callable[[], object] | None = None) -> None:
        """The thread ends once it has answered, also to `last`; the next question begins another."""
        if self._questions is not None:
            if last is not None:
                self._questions.put((last, asyncio.get_running_loop().create_future()))
            self._questions.put(None)
            self._questions = None

    def _put(self, question: Callable[[], T]) -> asyncio.Future[T]:
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if self._questions is None:
            self._questions = queue.SimpleQueue()
            threading.Thread(target=_answer_all, args=(self._questions,), name="disk", daemon=True).start()
        self._questions.put((question, answer))
        return answer


async def ask_once(question: Callable[[], T]) -> T:
    """In a thread of its own: what may hang, and what else is asked meanwhile does not wait for it."""
    thread = DiskThread()
    try:
        return await thread.ask(question)
    finally:
        thread.close()


_hanging: dict[tuple[Path, float], threading.Thread] = {}


def in_time(place: Path, question: Callable[[], T], seconds: float = 0.0) -> T:
    """Its answer, or what it raises; TimeoutError after `HANG_SECONDS`, and at once while it still hangs.

    `seconds`: in place of those. At once only for who is given as many: a look at whether a file is there
    keeps nobody from reading one, nor the other way round.
    """
    kind = place, seconds
    before = _hanging.get(kind)
    if before is not None and before.is_alive():
        raise _hangs(place)
    answers, errors = list[T](), list[Exception]()

    def answer() -> None:
        try:
            answers.append(question())
        except Exception as error:
            errors.append(error)

    asking = threading.Thread(target=answer, name="disk", daemon=True)
    asking.start()
    asking.join(seconds or HANG_SECONDS)
    if asking.is_alive():
        _hanging[kind] = asking
        raise _hangs(place)
    _hanging.pop(kind, None)
    if errors:
        raise errors[0]
    return answers[0]


def _hangs(place: Path) -> TimeoutError:
    return TimeoutError(errno.ETIMEDOUT, "it hangs", str(place))


def _answer_all(questions: queue.SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]] | None]) -> None:
    while (asked := questions.get()) is not None:
        question, answer = asked
        if answer.cancelled():
            continue
        result, error = None, None
        try:
            result = question()
        except Exception as raised:
            error = raised
        try:
            answer.get_loop().call_soon_threadsafe(_tell, answer, result, error)
        except RuntimeError:  # the loop is gone: nobody waits any more
            return


def _tell(answer: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)
