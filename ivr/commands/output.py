"""What every command shares: plain tables, JSON, one-sentence errors, and where the database is."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from rich.cells import cell_len, set_cell_size
from rich.console import Console

from ivr import settings as configuration
from ivr.installation import CommandError, conventions, database_url, owner_url
from ivr.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from ivr.desk.book.book import Page

T = TypeVar("T")

# Piped output has no colours and no cut lines; what stands between colons is never a picture's name.
out = Console(width=None if sys.stdout.isatty() else 200, soft_wrap=not sys.stdout.isatty(), emoji=False)
err = Console(stderr=True, emoji=False)

CONNECT_SECONDS = 30.0  # no caller waits for a command
WAIT_SECONDS = 3.0  # … but a person, who reads from then on for what
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # which no database's line says
CUT_OFF = 128 + signal.SIGPIPE  # nobody reads on: as every program ends; what it did may not be done


def fail(sentence: str, code: int = 1) -> NoReturn:
    err.print(sentence, style="red", markup=False, highlight=False, soft_wrap=True)
    raise SystemExit(code)


def load_settings() -> Settings:
    """The settings, or one sentence per mistake and exit code 2."""
    try:
        return configuration.load()
    except configuration.SettingsError as error:
        fail(str(error), 2)


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def tell_waiting(what: str, seconds: float) -> Callable[[], None]:
    """At a terminal says after a moment what is being waited for, and until when; not beside JSON.

    Call what comes back once it is over.
    """
    if not sys.stderr or not sys.stderr.isatty() or "--json" in sys.argv:  # None where it is closed
        return lambda: None
    until = datetime.now().astimezone() + timedelta(seconds=seconds)
    sentence = f"still waiting for {what}, until {until:%H:%M:%S} at the latest"
    print_it = partial(err.print, sentence, style="dim", markup=False, highlight=False, soft_wrap=True)
    return asyncio.get_running_loop().call_later(WAIT_SECONDS, print_it).cancel


class _Connecting:
    """Tells of an engine's connections that are long in coming."""

    def __init__(self, engine: AsyncEngine) -> None:
        from sqlalchemy import event

        hosts = engine.url.query.get("host", "")
        self._seconds = CONNECT_SECONDS * (1 if isinstance(hosts, str) else len(hosts))  # each in its turn
        self._over: Callable[[], None] = lambda: None
        event.listen(engine.sync_engine, "do_connect", self._begin)
        event.listen(engine.sync_engine, "connect", self.over)

    def _begin(self, *_: object) -> None:
        self.over()
        self._over = tell_waiting("the database", self._seconds)

    def over(self, *_: object) -> None:
        self._over()


def with_database(
    settings: Settings,
    work: Callable[[AsyncEngine], Awaitable[T]],
    as_owner: bool = False,
    **options: Any,
) -> T:
    """Run `work` against the database, then let go of it. `options`: of its engine.

    Raises CommandError when it does not answer, or refuses what it is given.
    """
    from ivr.store.engine import AWAY, is_a_row_s, is_forbidden, make_engine

    url = owner_url(settings) if as_owner else database_url(settings)

    async def whole() -> T:
        engine = make_engine(url, pool=1, connect_seconds=CONNECT_SECONDS, **options)
        connecting = _Connecting(engine)
        try:
            return await work(engine)
        except AWAY as error:
            if isinstance(error, BrokenPipeError) or getattr(error, "errno", None) in _FULL:
                raise  # who read what is printed has gone, or its file takes no more
            if isinstance(error, OSError) and error.filename is not None:  # a file's: the database names none
                raise CommandError(f"{error.filename}: {error.strerror}") from error
            said = " ".join(str(getattr(error, "orig", None) or error).split())
            reason = said or f"no answer ({type(error).__name__})"
            if as_owner and is_forbidden(error):
                mend = "this is for the role that owns the tables: IVR_DATABASE_OWNER_URL"
                raise CommandError(f"{reason[:300]}; {mend} (docs/production.md, 1)") from error
            if is_a_row_s(error):  # of which the doctor knows nothing
                raise CommandError(f"the database refused it: {reason[:300]}") from error
            raise CommandError(
                f"the database can't be used: {reason[:300]}; `ivr doctor` tells more"
            ) from error
        finally:
            connecting.over()
            await engine.dispose()

    return run(whole())


def with_page(work: Callable[[AsyncEngine, Page], Awaitable[T]]) -> T:
    """The same with the province's book as it is in the database now."""
    from ivr.desk.book.book import read_page

    settings = load_settings()

    async def whole(engine: AsyncEngine) -> T:
        async with engine.connect() as connection:
            page = await read_page(connection, conventions(settings))
        return await work(engine, page)

    return with_database(settings, whole)


async def want_sure_time(engine: AsyncEngine) -> None:
    """What time alone brings about rests here, too, while the clocks are apart. Raises CommandError."""
    from ivr.loops import time_of_day

    if trouble := (await time_of_day.ask(engine)).trouble:
        raise CommandError(f"{trouble}: set it right (NTP); until then {time_of_day.RESTS}")


def show_json(value: object) -> None:
    """JSON on stdout, without colour, Persian as it is."""
    print(_printable(json.dumps(value, ensure_ascii=False, indent=2, default=str)))


def show_table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """One line for each row, as long as it is: ids and codes are copied out of it, and none is ever cut."""
    lines = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(map(cell_len, cells)) for cells in zip(columns, *lines, strict=True)]
    for cells, style in [(columns, "bold"), *((cells, "") for cells in lines)]:
        line = "  ".join(set_cell_size(cell, width) for cell, width in zip(cells, widths, strict=True))
        out.print(line.rstrip(), style=style, markup=False, highlight=False, soft_wrap=True)


def _cell(value: object) -> str:
    return "" if value is None else " ".join(_printable(str(value)).split())


def _printable(text: str) -> str:
    """A file's name may be no UTF-8; what of it can't be printed is told as `\\udcff`, as in JSON."""
    return text.encode(errors="backslashreplace").decode()


def show_rows(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    """All of each as JSON, or these columns of it as a table."""
    if as_json:
        show_json(rows)
    else:
        show_table(columns, rows)


def in_sentences(work: Callable[[], object]) -> None:
    """Do it; an error is one clear sentence, and exit code 1. Raises SystemExit."""
    try:
        work()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except (BrokenPipeError, SystemExit) as end:
        # Typer and Rich make exit 1 of it, which is a finding.
        if not isinstance(end, BrokenPipeError) and not isinstance(end.__context__, BrokenPipeError):
            raise
        _quiet_pipe()
        raise SystemExit(CUT_OFF) from None
    except Exception as error:
        if _is_sentence(error):
            fail(str(error))
        if isinstance(error, OSError) and error.errno in _FULL and not _prints():
            _quiet_pipe()
            fail(f"stdout: {error.strerror}")
        # The last resort: a sentence for people, the traceback on request.
        if os.environ.get("IVR_LOG_LEVEL") == "DEBUG":
            raise
        fail(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
    finally:
        _flush()


def _prints() -> bool:
    """Whether stdout takes what it is given; else what it refused is still in its buffer."""
    with suppress(OSError):
        sys.stdout.flush()
        return True
    return False


def _flush() -> None:
    """What `print` left, else the interpreter meets its refusal outside. An error keeps its own end."""
    try:
        sys.stdout.flush()
    except OSError as refused:
        _quiet_pipe()
        under_way = refused.__context__
        if under_way is not None and not isinstance(under_way, SystemExit):
            return
        found = under_way is not None and under_way.code  # a finding keeps its code
        if not isinstance(refused, BrokenPipeError):
            fail(f"stdout: {refused.strerror}", int(found or 1))
        if not found:
            raise SystemExit(CUT_OFF) from None


def _is_sentence(error: Exception) -> bool:
    """Whether its text is one for people."""
    from ivr.asterisk.ami import AmiError
    from ivr.desk.book.seeds import SeedError
    from ivr.desk.refusals import Refused
    from ivr.lab.asterisk import LabError
    from ivr.lab.demo import DemoError
    from ivr.lab.packages import PackagesError
    from ivr.store.aside import NoneWorks
    from ivr.voice.catalogue import CatalogueMistakes
    from ivr.voice.mistakes import MenuMistakes

    ours = (AmiError, CommandError, DemoError, LabError, NoneWorks, PackagesError)
    return isinstance(error, (*ours, CatalogueMistakes, MenuMistakes, Refused, SeedError))


def _quiet_pipe() -> None:
    """`ivr case list | head` is no error to speak of."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
