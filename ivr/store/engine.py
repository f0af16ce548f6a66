"""The way to PostgreSQL."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any

from asyncpg.exceptions import DataError as RefusedValue
from asyncpg.exceptions import (
    InsufficientPrivilegeError,
    InterfaceError,
    InternalClientError,
    PostgresError,
    ProgramLimitExceededError,
    SyntaxOrAccessError,
)
from asyncpg.exceptions import IntegrityConstraintViolationError as RefusedRow
from sqlalchemy import event, make_url, text
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    MultipleResultsFound,
    NoResultFound,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

# What a database that is away, too slow, read-only or full raises. asyncpg's own errors come through
# unwrapped while connecting, or half wrapped. Errors of our own making are among them: `is_our_fault` tells.
# InternalClientError: of a connection lent between the database's leave of it and its end.
AWAY = (
    OSError, TimeoutError, SQLAlchemyError, PostgresError, InterfaceError, InternalClientError,
    AsyncAdapt_asyncpg_dbapi.Error,
)  # fmt: skip


READ_ONLY = "the database answers and takes nothing: is it a standby?"


class WrongAddress(ValueError):
    """Not a PostgreSQL address; the sentence doesn't repeat it, for it may hold a password."""


def async_url(url: str) -> str:
    """Any usual PostgreSQL address, for SQLAlchemy over asyncpg. Raises WrongAddress."""
    try:
        if url.partition("://")[0].partition("+")[0] in {"postgresql", "postgres"}:
            return make_url(url).set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)
    except (ArgumentError, ValueError):  # a port that is no number is a ValueError
        pass
    raise WrongAddress("database_url (IVR_DATABASE_URL) is no address like postgresql://user@host/name")


def plain_url(url: str) -> str:
    """The same for asyncpg itself and for libpq's tools."""
    address = make_url(url).set(drivername="postgresql")
    several = address.query.get("host", "")
    if not isinstance(several, str):  # a host:port each, for SQLAlchemy; asyncpg would take the last alone
        hosts, ports = zip(*(each.split(":") for each in several), strict=True)
        address = address.update_query_dict({"host": ",".join(hosts), "port": ",".join(ports)})
    return address.render_as_string(hide_password=False)


def make_engine(
    url: str, pool: int = 5, command_seconds: float = 30.0, connect_seconds: float = 5.0, **options: Any
) -> AsyncEngine:
    """An engine with a small pool. JIT off: our statements are short and it would cost more than it saves.

    `command_seconds`: a statement that takes longer is given up with its connection; nothing else ends the
    wait for a database that vanished without a word. `connect_seconds`: how long
    it may take to answer at all.
    """
    engine = create_async_engine(
        async_url(url),
        hide_parameters=True,  # an error is logged, and they are people's words and numbers
        pool_size=pool,
        max_overflow=pool,
        pool_timeout=5,
        json_serializer=partial(json.dumps, ensure_ascii=False, separators=(",", ":")),
        connect_args={
            "timeout": connect_seconds,
            "command_timeout": command_seconds,
            "server_settings": {
                "jit": "off",
                "random_page_cost": "1.1",  # no disk of ours turns; else scans are preferred to our indexes
                "application_name": "seda111",
            },
        },
        **options,
    )
    event.listen(engine.sync_engine, "handle_error", _without_values)
    return engine


async def takes(connection: AsyncConnection) -> bool:
    """False of a standby, and where `default_transaction_read_only` says so; a full one takes, by this."""
    said = text("SELECT current_setting('transaction_read_only') = 'off'")
    return bool((await connection.execute(said)).scalar_one())


# For what a statement was given: a row against a rule, a value of a wrong kind, too much for an index or a
# tsvector; or for what is there: none, or more than one.
_REFUSED = (
    IntegrityError, DataError, RefusedRow, RefusedValue, ProgramLimitExceededError, NoResultFound,
    MultipleResultsFound,
)  # fmt: skip
# For what it says itself: a column that is not there, a right that we lack.
_OUR_FAULTS = (*_REFUSED, ProgrammingError, SyntaxOrAccessError)


def is_away(error: BaseException) -> bool:
    """Whether a database that is away, too slow, read-only or full raised it: waiting mends that."""
    return isinstance(error, AWAY) and not is_our_fault(error)


def is_our_fault(error: BaseException) -> bool:
    """Whether a statement failed for what it said, so that trying again would not help."""
    return _is_one_of(_OUR_FAULTS, error)


def is_a_row_s(error: BaseException) -> bool:
    """Whether it is for what was being worked on: what is worked on next may be well.

    It is not where the database is away, nor where the statement itself is at fault: that stops every one.
    """
    return not isinstance(error, AWAY) or _is_one_of(_REFUSED, error)


def is_forbidden(error: BaseException) -> bool:
    """Whether the database's role may not do it."""
    return _is_one_of((InsufficientPrivilegeError,), error)


def _is_one_of(kinds: tuple[type[BaseException], ...], error: BaseException) -> bool:
    cause = error.orig if isinstance(error, DBAPIError) else None
    # SQLAlchemy wraps asyncpg's own error twice where it has no name of its own for it.
    return any(isinstance(e, kinds) for e in (error, cause, cause and cause.__cause__))


def in_its_words(error: BaseException) -> str:
    """What the database says, without the statement and SQLAlchemy's advice; of any other error its text."""
    if isinstance(error, DBAPIError) and (cause := error.orig) is not None:
        return str(cause.__cause__ or cause).partition("\n")[0]  # what follows may repeat a row
    return str(error.args[0]) if isinstance(error, SQLAlchemyError) and error.args else str(error)


# What asyncpg says of an argument: its first letters, and why it can't be sent. Of the reasons those stay
# that hold nothing of it.
_WHY = "|".join([
    r"value out of u?int\d+ range", "expected str, got [a-z]+",
    "'[a-z]+' object cannot be interpreted as an integer",
])  # fmt: skip
_GIVEN = re.compile(
    rf"(query argument \$\d+[^:]*): .*?( \((?:invalid array element[^:]*: )?(?:{_WHY})\))?\Z", re.DOTALL
)
_QUOTED = re.compile(r'".*"', re.DOTALL)
# Conflicts and locks, names of the schema, too much of something, the server itself: there the detail is
# PostgreSQL's own. Elsewhere it may be the row.
_OWN_DETAILS = ("40", "42", "53", "55", "57", "58")


def forget_values(error: BaseException) -> None:
    """Take out of the database's error what may be somebody's words: the row that failed, an argument."""
    if isinstance(error, PostgresError) and not str(error.sqlstate).startswith(_OWN_DETAILS):  # type: ignore[attr-defined]
        error.detail = None  # type: ignore[attr-defined]
    if not (isinstance(error, RefusedValue | InterfaceError) and error.args):
        return
    given, many = _GIVEN.subn(lambda found: found[1] + (found[2] or ""), str(error.args[0]))
    if many:
        error.__cause__ = None  # what the codec raised: it is told with the traceback
    elif isinstance(error, RefusedValue):  # PostgreSQL's own words, with the value in quotes
        given = _QUOTED.sub('"…"', given)
    error.args = (given,)


def _without_values(failed: ExceptionContext) -> None:
    """The same where SQLAlchemy has put the text together already."""
    ours, cause, whole = (
        failed.original_exception,
        failed.original_exception.__cause__,
        failed.sqlalchemy_exception,
    )
    if cause is None:
        return
    before = str(cause)
    forget_values(cause)
    for error in (ours, whole):
        if error is not None and error.args:
            error.args = (str(error.args[0]).replace(before, str(cause)), *error.args[1:])
