"""The one table: which role may what, and which route needs what.

An application with a route that has no line here refuses to start.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from ivr.cases.roles import OF_AN_AGENCY, Role
from ivr.desk.people.people import Person


class Permission(StrEnum):
    """What someone may do. Officers and heads: only with what is or was their agency's."""

    PUBLIC = "public"  # everybody, without signing in
    SIGNED_IN = "signed_in"  # everybody who is
    CASES_SEE = "cases_see"
    CASES_OPEN = "cases_open"  # at the service desk
    CASES_REFER = "cases_refer"  # assign, refer, topic, ruling, pause
    CASES_RETURN = "cases_return"  # "not ours"
    CASES_ANSWER = "cases_answer"
    CASES_APPROVE = "cases_approve"
    CASES_DIRECT = "cases_direct"  # of any open case: order, remind, ask for a report, hand back
    CASES_CLOSE = "cases_close"  # close, reopen, merge, split, withdraw, advise
    NOTES_WRITE = "notes_write"
    RECORDINGS_PLAY = "recordings_play"
    RECORDINGS_BLIND = "recordings_blind"  # the voice made unknown
    RECORDINGS_DOWNLOAD = "recordings_download"
    IDENTITY_REVEAL = "identity_reveal"
    SEEN_BY = "seen_by"  # who saw and heard a case
    OPENINGS_SEE = "openings_see"  # askings to see what is sealed; deciding needs being one of the few
    NUMBERS_SEE = "numbers_see"
    NUMBERS_EXPORT = "numbers_export"
    LETTERS_PRINT = "letters_print"
    LIVE_SEE = "live_see"
    LIVE_LISTEN = "live_listen"
    LIVE_STEER = "live_steer"  # end a call, take it over
    ANNOUNCE = "announce"  # what all callers are told for a while
    PHONE_USE = "phone_use"
    BOOKS_SEE = "books_see"  # agencies, topics, rules, deadlines, closures
    BOOKS_EDIT = "books_edit"
    BLOCKS_EDIT = "blocks_edit"
    PROMPTS_SEE = "prompts_see"
    PROMPTS_EDIT = "prompts_edit"
    MENUS_SEE = "menus_see"
    MENUS_EDIT = "menus_edit"  # drafts: save, rehearse, try
    MENUS_PUBLISH = "menus_publish"  # put on the air, roll back
    MEETINGS_SEE = "meetings_see"  # officers and heads: the slots that need their agency
    MEETINGS_ATTEND = "meetings_attend"  # for their agency: answer its invitation, write its views
    MEETINGS_HOLD = "meetings_hold"  # decide on requests, plan sessions, change agendas
    PEOPLE_SEE = "people_see"
    PEOPLE_EDIT = "people_edit"
    AUDIT_SEE = "audit_see"


P = Permission

_EVERYBODY = frozenset({P.PUBLIC, P.SIGNED_IN})
_OFFICER = frozenset(
    {P.CASES_SEE, P.CASES_RETURN, P.CASES_ANSWER, P.NOTES_WRITE, P.RECORDINGS_PLAY, P.RECORDINGS_BLIND}
    | {P.MEETINGS_SEE, P.MEETINGS_ATTEND}
)
_SUPERVISOR = frozenset(
    {
        P.CASES_SEE, P.CASES_OPEN, P.CASES_REFER, P.CASES_ANSWER, P.CASES_APPROVE, P.CASES_CLOSE,
        P.NOTES_WRITE, P.RECORDINGS_PLAY, P.RECORDINGS_BLIND, P.RECORDINGS_DOWNLOAD, P.IDENTITY_REVEAL,
        P.SEEN_BY, P.OPENINGS_SEE, P.NUMBERS_SEE, P.NUMBERS_EXPORT, P.LETTERS_PRINT, P.LIVE_SEE,
        P.LIVE_LISTEN, P.LIVE_STEER, P.ANNOUNCE, P.PHONE_USE, P.BOOKS_SEE, P.BLOCKS_EDIT, P.PROMPTS_SEE,
        P.MENUS_SEE,
        P.MEETINGS_SEE,
    }
)  # fmt: skip

ROLES: Mapping[Role, frozenset[Permission]] = {
    Role.OPERATOR: _EVERYBODY
    | {P.CASES_SEE, P.CASES_OPEN, P.NOTES_WRITE, P.RECORDINGS_BLIND, P.LIVE_SEE, P.PHONE_USE},
    Role.SUPERVISOR: _EVERYBODY | _SUPERVISOR,
    Role.OFFICER: _EVERYBODY | _OFFICER,
    Role.HEAD: _EVERYBODY
    | _OFFICER
    | {P.IDENTITY_REVEAL, P.SEEN_BY, P.NUMBERS_SEE, P.NUMBERS_EXPORT, P.LETTERS_PRINT},
    Role.GOVERNOR: _EVERYBODY
    | {P.CASES_SEE, P.NOTES_WRITE, P.RECORDINGS_PLAY, P.RECORDINGS_BLIND, P.IDENTITY_REVEAL, P.SEEN_BY}
    | {P.OPENINGS_SEE}
    | {P.NUMBERS_SEE, P.NUMBERS_EXPORT, P.LETTERS_PRINT, P.LIVE_SEE, P.BOOKS_SEE}
    | {P.MEETINGS_SEE, P.MEETINGS_HOLD, P.CASES_DIRECT, P.PHONE_USE},
    Role.ADMIN: _EVERYBODY
    | {P.NUMBERS_SEE, P.LIVE_SEE, P.BOOKS_SEE, P.BOOKS_EDIT, P.BLOCKS_EDIT, P.PROMPTS_SEE, P.PROMPTS_EDIT}
    | {P.MENUS_SEE, P.MENUS_EDIT, P.MENUS_PUBLISH}
    | {P.PEOPLE_SEE, P.PEOPLE_EDIT, P.AUDIT_SEE, P.PHONE_USE, P.ANNOUNCE},
    Role.AUDITOR: _EVERYBODY
    | {
        P.CASES_SEE,
        P.RECORDINGS_BLIND,
        P.SEEN_BY,
        P.OPENINGS_SEE,
        P.NUMBERS_SEE,
        P.NUMBERS_EXPORT,
        P.LIVE_SEE,
    }
    | {P.BOOKS_SEE, P.PROMPTS_SEE, P.MENUS_SEE, P.PEOPLE_SEE, P.AUDIT_SEE, P.MEETINGS_SEE},
}

# Route name → what it needs. One block a section, in the order of the names.
ROUTES: Mapping[str, Permission] = {
    # panel
    "account": P.SIGNED_IN,
    "account.factor": P.SIGNED_IN,
    "account.factor.anew": P.SIGNED_IN,
    "account.factor.anew.send": P.SIGNED_IN,
    "account.factor.drop": P.SIGNED_IN,
    "account.factor.send": P.SIGNED_IN,
    "account.password": P.SIGNED_IN,
    "account.password.send": P.SIGNED_IN,
    "account.seen": P.SIGNED_IN,
    "account.session.end": P.SIGNED_IN,
    "account.sessions.end": P.SIGNED_IN,
    "home": P.SIGNED_IN,
    "nowhere": P.SIGNED_IN,
    "sign_in": P.PUBLIC,
    "sign_in.second": P.SIGNED_IN,
    "sign_in.second.send": P.SIGNED_IN,
    "sign_in.send": P.PUBLIC,
    "sign_out": P.SIGNED_IN,
    "theme": P.PUBLIC,
    # inbox: what stands as things are is decided at the desk, for each case
    "inbox": P.CASES_SEE,
    "inbox.accept": P.CASES_ANSWER,
    "inbox.close": P.CASES_CLOSE,
    "inbox.collect": P.CASES_CLOSE,
    "inbox.hand": P.CASES_ANSWER,
    "inbox.pause": P.CASES_ANSWER,
    "inbox.refer": P.CASES_REFER,
    "inbox.rows": P.CASES_SEE,
    "inbox.stream": P.CASES_SEE,
    "inbox.views.remove": P.CASES_SEE,
    "inbox.views.save": P.CASES_SEE,
    # casefile: what stands as things are is decided at the desk
    "case": P.CASES_SEE,
    "case.form": P.CASES_SEE,
    "case.accept": P.CASES_ANSWER,
    "case.answer": P.CASES_ANSWER,
    "case.approve": P.CASES_APPROVE,
    "case.turn-down": P.CASES_APPROVE,
    "case.refer": P.CASES_REFER,
    "case.onward": P.CASES_RETURN,
    "case.return": P.CASES_RETURN,
    "case.rule": P.CASES_REFER,
    "case.topic": P.CASES_REFER,
    "case.pause": P.CASES_ANSWER,
    "case.resume": P.CASES_ANSWER,
    "case.advise": P.CASES_CLOSE,
    "case.close": P.CASES_CLOSE,
    "case.told": P.CASES_CLOSE,
    "case.reopen": P.CASES_CLOSE,
    "case.hand": P.CASES_ANSWER,
    "case.merge": P.CASES_CLOSE,
    "case.split": P.CASES_CLOSE,
    "case.collect": P.CASES_CLOSE,
    "case.release": P.CASES_CLOSE,
    "case.withdraw": P.CASES_CLOSE,
    "case.order": P.CASES_DIRECT,
    "case.hand-back": P.CASES_DIRECT,
    "case.remind": P.CASES_DIRECT,
    "case.ask-report": P.CASES_DIRECT,
    "case.report": P.CASES_ANSWER,
    "case.extend": P.CASES_DIRECT,
    "case.revoke": P.CASES_DIRECT,
    "case.reveal": P.CASES_SEE,  # and what the thing revealed needs
    "case.ask": P.IDENTITY_REVEAL,
    "case.confide": P.CASES_REFER,
    "case.contact": P.CASES_REFER,  # whoever has this may see identities, too
    "case.seen_by": P.SEEN_BY,
    "case.speak": P.CASES_ANSWER,
    "case.voice": P.CASES_ANSWER,
    "case.voice.draft": P.CASES_ANSWER,
    "case.answer_voice": P.CASES_SEE,
    "case.attach": P.NOTES_WRITE,
    "attachment": P.CASES_SEE,
    "recording": P.RECORDINGS_BLIND,  # and to hear the voice itself RECORDINGS_PLAY, and a reason
    "recording.outline": P.RECORDINGS_BLIND,
    "recording.download": P.RECORDINGS_DOWNLOAD,
    "recording.marks": P.RECORDINGS_BLIND,
    "recording.mark": P.NOTES_WRITE,
    "recording.unmark": P.NOTES_WRITE,
    "recording.transcribe": P.NOTES_WRITE,
    "recording.transcripts": P.CASES_SEE,
    "openings": P.OPENINGS_SEE,
    "opening.allow": P.OPENINGS_SEE,
    "opening.refuse": P.OPENINGS_SEE,
    # service desk
    "desk": P.CASES_OPEN,
    "desk.open": P.CASES_OPEN,
    "desk.beside": P.CASES_OPEN,
    "desk.receipt": P.CASES_OPEN,
    # meetings: what stands as things are is decided at the desk
    "meetings": P.MEETINGS_SEE,
    "meetings.figures": P.MEETINGS_SEE,
    "meetings.hours": P.MEETINGS_SEE,
    "meetings.hours.announce": P.MEETINGS_HOLD,
    "meetings.hour": P.MEETINGS_SEE,
    "meetings.hour.do": P.MEETINGS_HOLD,
    "meetings.hour.stream": P.MEETINGS_SEE,
    "meetings.request": P.MEETINGS_SEE,
    "meetings.decide": P.MEETINGS_HOLD,
    "meetings.sessions": P.MEETINGS_SEE,
    "meetings.plan": P.MEETINGS_HOLD,
    "meetings.reported": P.MEETINGS_SEE,
    "meetings.check": P.MEETINGS_HOLD,
    "meetings.lottery": P.MEETINGS_SEE,
    "meetings.lottery.do": P.MEETINGS_HOLD,
    "meetings.lottery.note": P.MEETINGS_HOLD,
    "meetings.lottery.ring": P.MEETINGS_HOLD,
    "meetings.session": P.MEETINGS_SEE,
    "meetings.calendar": P.MEETINGS_SEE,
    "meetings.sheet": P.NUMBERS_EXPORT,
    "meetings.report": P.MEETINGS_SEE,
    "meetings.report.paper": P.LETTERS_PRINT,
    "meetings.minutes.paper": P.LETTERS_PRINT,
    "meetings.attendance.paper": P.LETTERS_PRINT,
    "meetings.agenda": P.MEETINGS_HOLD,
    "meetings.attend": P.MEETINGS_ATTEND,
    "meetings.board": P.MEETINGS_SEE,
    "meetings.board.waiting": P.MEETINGS_SEE,
    "meetings.day": P.MEETINGS_HOLD,
    "meetings.day.do": P.MEETINGS_HOLD,
    "meetings.day.worker": P.MEETINGS_HOLD,
    "meetings.view": P.MEETINGS_ATTEND,
    # numbers
    "numbers": P.NUMBERS_SEE,
    "numbers.league": P.NUMBERS_SEE,
    "numbers.gaps": P.NUMBERS_SEE,
    "numbers.hours": P.NUMBERS_SEE,
    "numbers.export": P.NUMBERS_EXPORT,
    "numbers.reveal": P.NUMBERS_EXPORT,
    "letter": P.LETTERS_PRINT,
    # live
    "live": P.LIVE_SEE,
    "live.announcements": P.LIVE_SEE,
    "live.announcements.sound": P.ANNOUNCE,
    "live.announce": P.ANNOUNCE,
    "live.announce.off": P.ANNOUNCE,
    "live.stream": P.LIVE_SEE,
    "live.listen": P.LIVE_LISTEN,
    "live.listen.send": P.LIVE_LISTEN,
    "live.take": P.LIVE_STEER,
    "live.take.send": P.LIVE_STEER,
    "live.end": P.LIVE_STEER,
    "live.end.send": P.LIVE_STEER,
    # public
    "start": P.PUBLIC,
    "call": P.PUBLIC,
    "lost": P.PUBLIC,
    "paper": P.PUBLIC,
    "track": P.PUBLIC,
    "track.send": P.PUBLIC,
    # admin
    "admin": P.BOOKS_SEE,
    "admin.noun": P.BOOKS_SEE,
    "admin.new": P.BOOKS_EDIT,
    "admin.row": P.BOOKS_SEE,
    "admin.save": P.BOOKS_EDIT,
    "admin.remove": P.BOOKS_EDIT,
    "admin.history": P.BOOKS_SEE,
    "admin.undo": P.BOOKS_EDIT,
    "admin.audit": P.AUDIT_SEE,
    "admin.who_gets": P.BOOKS_SEE,
    "admin.calendar": P.BOOKS_SEE,
    "admin.export": P.BOOKS_SEE,
    "admin.import": P.BOOKS_EDIT,
    "admin.import.send": P.BOOKS_EDIT,
    "admin.blocks": P.BLOCKS_EDIT,
    "admin.blocks.add": P.BLOCKS_EDIT,
    "admin.blocks.lift": P.BLOCKS_EDIT,
    "admin.people": P.PEOPLE_SEE,
    "admin.people.new": P.PEOPLE_EDIT,
    "admin.people.add": P.PEOPLE_EDIT,
    "admin.person": P.PEOPLE_SEE,
    "admin.person.change": P.PEOPLE_EDIT,
    "admin.person.do": P.PEOPLE_EDIT,
    "admin.grant": P.PEOPLE_EDIT,
    "prompts": P.PROMPTS_SEE,
    "prompts.one": P.PROMPTS_SEE,
    "prompts.audio": P.PROMPTS_SEE,
    "prompts.take": P.PROMPTS_EDIT,
    "prompts.try": P.PROMPTS_EDIT,
    "prompts.accept": P.PROMPTS_EDIT,
    "prompts.restore": P.PROMPTS_EDIT,
    # menu trees
    "menus": P.MENUS_SEE,
    "menus.tree": P.MENUS_SEE,
    "menus.text": P.MENUS_SEE,
    "menus.step": P.MENUS_SEE,
    "menus.schema": P.MENUS_SEE,
    "menus.edit": P.MENUS_EDIT,
    "menus.save": P.MENUS_EDIT,
    "menus.check": P.MENUS_EDIT,
    "menus.walk": P.MENUS_EDIT,
    "menus.words": P.MENUS_EDIT,
    "menus.hear": P.MENUS_EDIT,
    "menus.draft": P.MENUS_SEE,
    "menus.rehearse": P.MENUS_EDIT,
    "menus.publish": P.MENUS_PUBLISH,
    "menus.unschedule": P.MENUS_PUBLISH,
    "menus.roll-back": P.MENUS_PUBLISH,
}


def may(person: Person, permission: Permission, agency: str = "", area: str = "") -> bool:
    """Whether `person` may do it, with something of `agency` in `area` ("" = of none in particular)."""
    if permission not in ROLES[person.role]:
        return False
    if agency and person.role in OF_AN_AGENCY and agency != person.agency:
        return False
    return not (area and person.areas and area not in person.areas)
