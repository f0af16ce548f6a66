"""Channels of other systems: who may send cases by the API, how much, and each request once."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Row, case, func, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.channels import RESERVED, ChannelRight, without_secrets
from ivr.cases.suggest import Suggester
from ivr.desk.book.book import Page
from ivr.desk.case.registering import TO_COME, Wanted, check, register
from ivr.desk.counter import audio
from ivr.desk.people import auditing
from ivr.desk.refusals import Refused, WrongField
from ivr.store.old_rows import forget_older
from ivr.store.tables import agencies, cases, channel_requests, channels, outbox

Json = dict[str, Any]
NAME = re.compile(r"[a-z][a-z0-9_-]{1,29}")
TOKEN_BYTES = 32
PER_MINUTE = 60
LONGEST_KEY = 200
KEYS_KEPT = timedelta(days=90)  # a request that is sent again later makes a new case


class NoSuchChannel(Refused):
    """No channel in force has this token."""


class TooMany(Refused):
    """A channel has asked too often within a minute."""


class OtherRequest(Refused):
    """A key was used for something else."""


@dataclass(frozen=True, slots=True)
class AdmittedChannel:
    """Who asks, and what it may. `agency`: whose orders alone it sees, "" = everybody's."""

    name: str
    rights: frozenset[str] = frozenset({ChannelRight.CASES})
    agency: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """`repeated`: the case was there already."""

    code: str
    repeated: bool


async def add(
    engine: AsyncEngine,
    name: str,
    now: datetime,
    per_minute: int = PER_MINUTE,
    note: str = "",
    rights: Collection[str] = (ChannelRight.CASES,),
    agency: str = "",
    webhook: str = "",
) -> str:
    """A new channel; its token, which nobody can read again. Raises Refused.

    `agency`: whose orders it sees, "" = all; `webhook`: where it gets news of them.
    """
    _check_rights(rights, agency, webhook)
    if not NAME.fullmatch(name):
        raise Refused("a channel's name has 2 to 30 of a-z, 0-9, - and _, a letter first")
    if name in RESERVED:
        raise Refused(f"{name} is a channel of the house itself")
    token = secrets.token_urlsafe(TOKEN_BYTES)
    row = {"name": name, "token_hash": _hash(token), "per_minute": per_minute, "note": note, "made_at": now}
    row |= {"rights": sorted(set(rights)), "agency": agency or None, "webhook": webhook}
    async with engine.begin() as connection:
        await _check_agency(connection, agency)
        made = insert(channels).values(row).on_conflict_do_nothing(index_elements=[channels.c.name])
        if (await connection.execute(made.returning(channels.c.name))).first() is None:
            ended = select(channels.c.revoked_at).where(channels.c.name == name)
            if (await connection.execute(ended)).scalar():  # its cases bear its name
                raise Refused(f"the channel {name} was revoked: take another name")
            raise Refused(f"there is a channel {name} already: renew its token, or take another name")
    return token


async def renew(engine: AsyncEngine, name: str) -> str:
    """Another token in place of the old one, which is worth nothing from now on. Raises Refused."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    async with engine.begin() as connection:
        await _change(connection, name, token_hash=_hash(token))
    return token


async def revoke(engine: AsyncEngine, name: str, now: datetime, by: str = "", reason: str = "") -> None:
    """The channel can't do anything any more and gets no news that waits; its cases go on. Raises Refused."""
    async with engine.begin() as connection:
        row = await _in_force(connection, name)
        await _change(connection, name, revoked_at=now)
        if row.webhook:
            await _hold_back(connection, row, now)
        detail = {"before": _on_record(_given(row)), "by": by}
        await _note(connection, now, "channel_revoked", name, reason, detail)


async def change(
    engine: AsyncEngine,
    name: str,
    now: datetime,
    rights: Collection[str] | None = None,
    agency: str | None = None,
    webhook: str | None = None,
    by: str = "",
    reason: str = "",
) -> None:
    """What it may do from its next request on; None stays as it is, "" for no agency or no webhook.

    On record with what was before. News of orders that have not left for where they may not go any more stay
    here. Raises Refused, and WrongField without a reason.
    """
    if not reason.strip():
        raise WrongField("reason", "must be given")
    async with engine.begin() as connection:
        row = await _in_force(connection, name)
        before = _given(row)
        after = before | ({} if rights is None else {"rights": sorted(set(rights))})
        after |= {} if agency is None else {"agency": agency}
        after |= {} if webhook is None else {"webhook": webhook}
        _check_rights(after["rights"], after["agency"], after["webhook"])
        await _check_agency(connection, after["agency"])
        await _change(connection, name, **(after | {"agency": after["agency"] or None}))
        if row.webhook:
            await _hold_back(connection, row, now)
        detail: Json = {"before": _on_record(before), "after": _on_record(after), "by": by}
        if before["webhook"] != after["webhook"] and detail["before"] == detail["after"]:
            detail["secret_changed"] = True
        await _note(connection, now, "channel_changed", name, reason, detail)


def _given(row: Row[Any]) -> Json:
    """What a channel may do, and where its news go."""
    return {"rights": row.rights, "agency": row.agency or "", "webhook": row.webhook}


def _on_record(given: Json) -> Json:
    """The same for the audit, which many may read and nothing leaves."""
    return given | {"webhook": without_secrets(given["webhook"])}


async def _note(
    connection: AsyncConnection, now: datetime, action: str, name: str, reason: str, detail: Json
) -> None:
    subject = f"channel/{name}"
    await auditing.note(connection, now, action, subject=subject, reason=reason.strip(), detail=detail)


async def _hold_back(connection: AsyncConnection, was: Row[Any], now: datetime) -> None:
    """What has not left for its address leaves no more, unless who may know as much is reached there.

    It is done and not dead: nobody is to look at it, nor to send it again.
    """
    its, rights = channels.c, [right for right in was.rights if right != ChannelRight.CASES]
    there = select(its.name).where(its.webhook == was.webhook, its.revoked_at.is_(None))
    there = there.where(its.rights.contains(rights), or_(its.agency.is_(None), its.agency == was.agency))
    waits = (outbox.c.kind == "webhook", outbox.c.delivered_at.is_(None), ~there.exists())
    order = outbox.c.key.like("%:order:%"), outbox.c.payload["to"].astext == was.webhook
    why = "the channel's rights were changed or ended before it left"
    gone: Json = {"delivered_at": now, "dead_at": None, "last_error": why}
    await connection.execute(update(outbox).where(*waits, *order).values(gone))


async def _check_agency(connection: AsyncConnection, agency: str) -> None:
    """Raises Refused."""
    known = select(agencies.c.code).where(agencies.c.code == agency)
    if agency and (await connection.execute(known)).first() is None:
        raise Refused(f"there is no agency {agency[:40]}")


async def listed(engine: AsyncEngine) -> list[Json]:
    """All channels, those in force first, with the number of their cases."""
    many = select(func.count()).where(cases.c.channel == channels.c.name).scalar_subquery()
    query = select(channels, many.label("many")).order_by(
        channels.c.revoked_at.nulls_first(), channels.c.name
    )
    async with engine.connect() as connection:
        rows = (await connection.execute(query)).all()
    return [
        {
            "name": row.name,
            "per_minute": row.per_minute,
            "note": row.note,
            "rights": row.rights,
            "agency": row.agency,
            "webhook": without_secrets(row.webhook),
            "cases": row.many,
            "made_at": row.made_at.isoformat(),
            "revoked_at": row.revoked_at and row.revoked_at.isoformat(),
        }
        for row in rows
    ]


async def admit(engine: AsyncEngine, token: str, now: datetime) -> AdmittedChannel:
    """The channel; counts the request. One statement, so it holds across all processes.

    Raises NoSuchChannel, TooMany.
    """
    table, minute = channels.c, now.replace(second=0, microsecond=0)
    count = case((table.window_at == minute, table.window_count + 1), else_=literal(1))
    counted = update(channels).values(window_at=minute, window_count=count)
    counted = counted.where(table.token_hash == _hash(token), table.revoked_at.is_(None))
    async with engine.begin() as connection:
        limits = (table.window_count, table.per_minute)
        its = (table.name, *limits, table.rights, table.agency)
        done = await connection.execute(counted.returning(*its))
        row = done.first()
    if row is None:
        raise NoSuchChannel("the token is unknown or was revoked")
    if row.window_count > row.per_minute:
        raise TooMany(f"channel {row.name} may ask {row.per_minute} times a minute")
    return AdmittedChannel(row.name, frozenset(row.rights), row.agency or "")


def _check_rights(rights: Collection[str], agency: str, webhook: str) -> None:
    """Raises Refused."""
    if not rights or set(rights) - set(ChannelRight):
        raise Refused(f"rights: some of {', '.join(ChannelRight)}")
    if ChannelRight.ORDERS not in rights and (agency or webhook or ChannelRight.NAMES in rights):
        raise Refused("an agency, a webhook and the right to names need the right to orders")
    if webhook and not re.fullmatch(r"https?://\S+", webhook):
        raise Refused("a webhook is an address that begins with https:// or http://")


async def send(
    engine: AsyncEngine,
    page: Page,
    wanted: Wanted,
    now: datetime,
    suggester: Suggester | None,
    key: str = "",
    content: bytes = b"",
    recordings: Path = Path(),
) -> Sent:
    """Open a case for a channel, once for each `key` of its own; `content` is a WAV for `recordings`.

    Raises WrongField, and OtherRequest when the key stands for another request.
    """
    if len(key) > LONGEST_KEY:
        raise WrongField("Idempotency-Key", f"at most {LONGEST_KEY} characters")
    async with engine.begin() as connection:
        digest = hashlib.sha256(repr(wanted).encode() + b"\0" + content).digest()
        if key and (before := await _before(connection, wanted.channel, key, digest, now)):
            return Sent(before, True)
        check(replace(wanted, audio=TO_COME if content else None), page)
        if content:
            kept = await asyncio.to_thread(audio.put, content, recordings, now)
            wanted = replace(wanted, audio=kept)
        done = await register(connection, page, wanted, now, suggester)
        if key:
            own = {"channel": wanted.channel, "key": key}
            told = {"digest": digest, "case_id": done.id, "made_at": now}
            noted = insert(channel_requests).values(own | told)  # over one that is too old to count
            await connection.execute(noted.on_conflict_do_update(index_elements=[*own], set_=told))
    return Sent(done.code, False)


async def forget(engine: AsyncEngine, now: datetime) -> int:
    """The keys of old requests; how many."""
    return await forget_older(engine, channel_requests, "made_at", now - KEYS_KEPT)


async def _before(connection: AsyncConnection, channel: str, key: str, digest: bytes, now: datetime) -> str:
    """The code that the same request got while its key is kept. Requests with one key wait for each other."""
    name = f"{channel}/{key}"
    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 7))"), {"name": name})
    its = channel_requests.c
    query = select(its.digest, cases.c.code).join(cases, cases.c.id == its.case_id)
    query = query.where(its.channel == channel, its.key == key, its.made_at >= now - KEYS_KEPT)
    row = (await connection.execute(query)).first()
    if row is None:
        return ""
    if bytes(row.digest) != digest:
        raise OtherRequest("Idempotency-Key: it was used for another request")
    return str(row.code)


async def _in_force(connection: AsyncConnection, name: str) -> Row[Any]:
    """Its row, held. Raises Refused."""
    its = (channels.c.name == name, channels.c.revoked_at.is_(None))
    row = (await connection.execute(select(channels).where(*its).with_for_update())).first()
    if row is None:
        raise Refused(f"there is no channel {name} in force")
    return row


async def _change(connection: AsyncConnection, name: str, **values: Any) -> None:
    its = (channels.c.name == name, channels.c.revoked_at.is_(None))
    changed = update(channels).where(*its).values(values).returning(channels.c.name)
    if (await connection.execute(changed)).first() is None:
        raise Refused(f"there is no channel {name} in force")


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
