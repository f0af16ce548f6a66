"""The accountant: compares what callers said and heard with what is in the books, without the product.

A word counts once it was said whole. It must be in exactly one recording of exactly one case of its caller,
whatever was killed; it may be missing only for one of the excuses below, each of which is proved from the
logs and counted. Whoever was told that her words are kept, or was spoken a code, must find them so. Where the
end of what she said is missing, or a hole is in it, her recording must say so: it may not claim to be whole.

What she says once her telephone has been told that nobody is at the other end (ICMP: the port is closed) is
no word. No part of a hotline, however good, could have heard it: the program that held her call is gone,
another one that is started knows nothing of it, and nothing was promised to her. It is as if she spoke on
after hanging up, which nobody counts either. To call it lost would be untrue, to excuse it would let a dead
line hide what is really missing; so such words are left out of both, and told beside as `unheard`. The proof
is her own telephone's, not the injector's log, and a word counts in full if its last packet was still taken.

A line may be shared: several calls of a number, and cases of each. Words of one call are one case all the
same, and lie in another call's only where she pressed the key that says so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.chaos.alarms import (
    ASTERISK,
    DISK,
    HANGS,
    JOURNAL,
    JOURNAL_HANGS,
    READ_ONLY,
    REFUSES,
    SAYS,
    SECOND,
    SERVERS,
    TAKES_NOTHING,
    false_alarms,
    last_beep,
    lasted,
)
from bench.chaos.evidence import CHOICE, Call, Evidence, Fault, Recording, Said
from bench.chaos.tones import AGAIN, NOT_KEPT, TURNED_AWAY, UNSURE
from bench.chaos.tones import CUT as TOLD_CUT

CODE_DIGITS = 10
SAME_MATTER = "record.same_matter"
# What she can be told of her words: each prompt is in one of these three, or tells nothing of them.
KEPT = frozenset(
    {"record.safe", "record.again_kept", "record.added", "record.joined", "fallback.kept", "fallback.thanks"}
)
TOLD_NOT_KEPT = frozenset({NOT_KEPT, TURNED_AWAY, AGAIN, TOLD_CUT, "fallback.apology"})
TOLD_UNSURE = frozenset({UNSURE})
CLAIMS_WHOLE = frozenset({"hash", "silence", "limit", "hangup"})  # recordings that do

# Asterisk writes a recording through a buffer of 32,768 bytes (main/file.c), 2.048 s of it.
BUFFER_SECONDS = 2.048
AWAKE_SECONDS = 0.5  # that it needs to catch up once it goes on, or where the processors are busy
SOCKET_SECONDS = 2.2  # what the kernel holds for a program that does not read: 122 packets were seen
SLACK = (
    0.25  # seconds between a packet's leaving the caller and its being in Asterisk's hands, or her hanging up
)
KNOWN_SECONDS = 10.0  # from a hang's beginning, after which whoever looks at the disks records on the other
KILLS = tuple(kind for kind in SERVERS if "stopped" not in kind)
NOTED_SECONDS = 0.75  # from her answer, until that she called is on a disk: half a second, and a flush
ANEW_SECONDS = 3.0  # from a disk's being well, within which what it refused is written anew
STAYED_SECONDS = 8.0  # from her last word, within which somebody who waits is told of it
WAITED_SECONDS = 11.0  # the same where the only disk hangs: the product waits ten before it says so

DEAD = "said to an Asterisk that was killed before her telephone knew"
BUFFERED = "in Asterisk's own buffer (2 s) when it was killed"
CUT = "said in the last 0.25 s before she hung up"
EARLY = "said to an Asterisk that was stopped before it had come to the end of its beep"
OVERFLOWED = "sent to a stopped Asterisk whose socket was full (2.4 s)"
STOPPED = "waiting at a stopped Asterisk when she hung up"
NO_ROOM = "said while the disk was full or refused, and she was told so, asked again or told nothing"
HUNG = (
    "sent to an Asterisk that slept in a disk that hung: socket full (2.4 s), file not made, she gone or done"
)
# Of callers who were speaking when the only disk that there is began to take nothing: a second one is the
# remedy, and no program is. How many they are depends on how often that happens, so they are counted apart.
NO_ROOM_ALONE = f"the only disk: {NO_ROOM}"
HUNG_ALONE = f"the only disk: {HUNG}"
ALONE = frozenset({NO_ROOM_ALONE, HUNG_ALONE})
OVER = "said over a prompt, after her own # had ended the recording and before another beep"
KEYED = "the last 0.2 s before her key, of a telephone that sends nothing in silence"
NOBODYS = "kept in a case of nobody: its only disk took no line of her call before her server was killed"
# Of which the product can know, so that the recording must say that something is missing. Of what never got
# into an Asterisk that was stopped (OVERFLOWED, STOPPED, EARLY) nobody of ours sees anything.
MARKED = frozenset({DEAD, BUFFERED, NO_ROOM, HUNG}) | ALONE


@dataclass(slots=True)
class Verdict:
    """On one call. `problems`: one sentence each, false `alarms` among them; `outcome` as she would tell it;
    `told_untrue`: her words are called kept and she has no case, or two; `untold`: she waited to be told of
    her words, and was not; `unmarked`: recordings that claim to be whole.

    `account`: where there is a problem, what is known of the call, one line each.
    """

    call: Call
    outcome: str
    kept: int = 0
    excused: Counter[str] = field(default_factory=Counter)
    lost: list[int] = field(default_factory=list)
    doubled: bool = False
    codes_true: int = 0
    codes_cut: int = 0
    codes_false: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    told_untrue: bool = False
    untold: bool = False
    unmarked: int = 0
    problems: list[str] = field(default_factory=list)
    account: list[str] = field(default_factory=list)

    @property
    def excused_alone(self) -> int:
        """Words of the excused that a second disk would have kept."""
        return sum(self.excused[reason] for reason in ALONE)

    @property
    def turned_away(self) -> int:
        """How often, though a disk had room."""
        return sum(text.startswith(SAYS[TURNED_AWAY]) for text in self.alarms)


class Accountant:
    """Judges every call by the evidence."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.held: dict[tuple[int, int], list[Recording]] = defaultdict(list)
        self.owners: dict[str, set[int]] = defaultdict(set)
        for recording in evidence.recordings:
            for word in recording.words or ():
                self.held[word.n, word.k].append(recording)
                self.owners[recording.case].add(word.n)
        self.lines = Counter(call.number for call in evidence.calls)
        self.joining = {call.n for call in evidence.calls if _says_same(call)}
        self.cases_of: dict[str, list[str]] = defaultdict(list)
        for case in evidence.cases.values():
            self.cases_of[case.caller].append(case.id)
        unknown = {call.n for call in evidence.calls if self._was_only_in_memory(call)}
        self.nobodys = {
            case.id
            for case in evidence.cases.values()
            if not case.caller and unknown and self.owners[case.id] <= unknown
        }

    def verdicts(self) -> list[Verdict]:
        """One for each call, in their order."""
        return [self._judge(call) for call in sorted(self.evidence.calls, key=lambda call: call.n)]

    def _judge(self, call: Call) -> Verdict:
        verdict = Verdict(call, _outcome(call))
        for said in call.said:
            self._find(call, said, verdict)
        mine = self._cases(call)
        self._count_cases(call, mine, verdict)
        for code in call.codes:
            self._check_code(call, code, mine, verdict)
        self._check_choice(call, mine, verdict)
        hers = len(mine) or int(self._knows_her_case(call))
        if _told(call, 0.0, KEPT) and hers != 1 and (call.said or not self._is_shared(call)):
            verdict.told_untrue = True
            verdict.problems.append(f"was told that her words are kept, and has {len(mine)} cases")
        if others := {word.n for word in call.played} - {call.n}:
            verdict.problems.append(f"was played the words of calls {sorted(others)}")
        whole = {said.k for said in call.said if any(r.case for r in self.held.get((call.n, said.k), ()))}
        cut = (r for r in self.evidence.recordings if r.ended == "cut" and self._is_hers(call, r))
        marked = {each.name: (_begun(call, each), each.size) for each in cut}
        alone = self.evidence.one_disk
        verdict.alarms = [*false_alarms(call, whole, self.evidence.faults, marked, one_disk=alone)]
        verdict.problems += [f"false alarm: {text}" for text in verdict.alarms]
        if self._is_told_nothing(call):
            verdict.untold = True
            stayed = call.ended - call.said[-1].ended
            how = "was dropped" if call.ended_by == "hotline" else "stayed"
            verdict.problems.append(f"{how} {stayed:.1f} s after her last word and was told nothing")
        if why := self._is_not_served(call):
            verdict.problems.append(why)
        if verdict.problems:
            verdict.account = [*self._account(call)]
        return verdict

    def _is_not_served(self, call: Call) -> str:
        """How she could say nothing though all was well. Asterisk answers before it asks any other part."""
        faults = [fault for fault in self.evidence.faults if lasted(fault, call.invited, call.ended)]
        if not call.answered:
            well = not any(fault.kind in ASTERISK for fault in faults)
            return f"was not answered ({call.ended_by}), and Asterisk was well" if well else ""
        if faults or call.ended_by != "hotline" or call.said or _told(call, 0.0):
            return ""
        return f"was put down {call.ended - call.answered:.1f} s after her answer, and said nothing"

    def _is_shared(self, call: Call) -> bool:
        return self.lines[call.number] > 1

    def _is_hers(self, call: Call, recording: Recording) -> bool:
        holds = any(word.n == call.n for word in recording.words or ())
        return recording.caller == call.number and (holds or not self._is_shared(call))

    def _cases(self, call: Call) -> set[str]:
        """Those that hold her words; where nobody else calls from her number, all of that number."""
        holding = {r.case for said in call.said for r in self.held.get((call.n, said.k), ()) if r.case}
        return holding if self._is_shared(call) else holding | set(self.cases_of[call.number])

    def _knows_her_case(self, call: Call) -> bool:
        """Whether she was spoken the code of a case of her line that holds nobody's words: no whole word was
        recorded, then.
        """
        its = (case for case in self.cases_of[call.number] if not self.owners[case])
        return any(self.evidence.cases[case].code in call.codes for case in its)

    def _account(self, call: Call) -> Iterator[str]:
        """Seconds are since her answer."""
        start = call.answered or call.invited
        heard = ", ".join(f"{prompt} {at - start:.1f}" for at, prompt in call.heard)
        said = ", ".join(f"{s.k} {s.began - start:.1f} ({s.where})" for s in call.said)
        yield f"call {call.n}, {call.kind}: answered at {start:.3f}, {call.ended_by} {call.ended - start:.1f}"
        yield f"heard {heard}"
        yield f"said {said}"
        yield "keys " + ", ".join(f"{key} {at - start:.1f}" for at, key in call.keys)
        for each in self.evidence.recordings:
            if each.caller == call.number:
                words = [f"{word.n}/{word.k}" for word in each.words or ()]
                yield f"row {each.name}: {each.ended}, {each.size} bytes, case {each.case or 'none'}, {words}"
        for name in self.evidence.strays:
            if call.number in name:
                yield f"file {name}, which no row names"
        for at, line in self.evidence.warnings:
            if start - 5 < at < call.ended + 5:
                yield line

    def _is_told_nothing(self, call: Call) -> bool:
        """She waited for it, or the line was put down on her; only an Asterisk that is dead, or still sleeps
        in a write of what she said, can tell her nothing.
        """
        if not call.said:
            return False
        last, dropped = call.said[-1], call.ended_by == "hotline"
        if not dropped and call.ended - last.ended < self._patience(call):
            return False
        # Who speaks on while she is told so, and is put down then, was told.
        beep = last_beep(call, last.began)
        if _told(call, beep if dropped else last.ended - SLACK) or call.codes:
            return False
        since = {"Asterisk killed": call.answered or call.invited, HANGS: call.said[-1].ended}
        deaf = (fault for fault in self.evidence.faults if fault.kind in since)
        return not any(since[fault.kind] < fault.ended and fault.began < call.ended for fault in deaf)

    def _patience(self, call: Call) -> float:
        hangs = (fault for fault in self.evidence.faults if fault.kind == JOURNAL_HANGS)
        waits = self.evidence.one_disk and any(lasted(f, call.said[-1].ended, call.ended) for f in hangs)
        return WAITED_SECONDS if waits else STAYED_SECONDS

    def _find(self, call: Call, said: Said, verdict: Verdict) -> None:
        found = self.held.get((call.n, said.k), [])
        if len(found) == 1 and found[0].case in self.nobodys:
            verdict.excused[NOBODYS] += 1
        elif len(found) == 1 and found[0].case:
            verdict.kept += 1
        elif len(found) > 1:
            verdict.doubled = True
            verdict.problems.append(f"word {said.k} is in {' and '.join(r.name for r in found)}")
        elif found:
            verdict.lost.append(said.k)
            verdict.problems.append(
                f"word {said.k} is in {found[0].name}, which no case has ({found[0].ended})"
            )
        elif excuse := self._excuse(call, said):
            verdict.excused[excuse] += 1
            if excuse in MARKED:
                self._check_mark(call, said, verdict)
        else:
            verdict.lost.append(said.k)
            verdict.problems.append(
                f"word {said.k}, said at {said.ended:.3f} to the {said.where}, is {self._stray(call, said)}"
            )

    def _check_mark(self, call: Call, missing: Said, verdict: Verdict) -> None:
        """What holds her words before it, since the same beep, may not claim to be all."""
        for recording in self._begun_with(call, missing):
            if recording.ended in CLAIMS_WHOLE and not _told(call, missing.ended, frozenset({TOLD_CUT})):
                verdict.unmarked += 1
                verdict.problems.append(
                    f"word {missing.k} is missing in {recording.name}, which says that she ended it "
                    f"({recording.ended})"
                )

    def _begun_with(self, call: Call, missing: Said) -> list[Recording]:
        """What holds her last word before it that is there, since the same beep."""
        beep = last_beep(call, missing.began)
        before = [k for k in call.said if beep < k.began < missing.began and self.held.get((call.n, k.k))]
        return self.held[call.n, before[-1].k] if before else []

    def _stray(self, call: Call, said: Said) -> str:
        for name, words in self.evidence.strays.items():
            if any((word.n, word.k) == (call.n, said.k) for word in words):
                return f"only in {name}, which the books don't name"
        return "nowhere"

    def _count_cases(self, call: Call, mine: set[str], verdict: Verdict) -> None:
        for case in sorted(mine - self.nobodys):
            if self.evidence.cases[case].caller != call.number:
                verdict.problems.append(
                    f"her words are in a case of {self.evidence.cases[case].caller or 'nobody'}"
                )
            # A case is begun by one; whoever else is in it said that it is the same matter, each for herself.
            others = self.owners[case] - self.joining - {call.n}
            if others and call.n not in self.joining:
                verdict.problems.append(f"her case holds the words of calls {sorted(others)}")
        if len(mine) > 1:
            verdict.doubled = True
            codes = sorted(self.evidence.cases[case].code for case in mine)
            verdict.problems.append(f"has {len(codes)} cases: {', '.join(codes)}")

    def _check_choice(self, call: Call, mine: set[str], verdict: Verdict) -> None:
        """Who heard the server's beep had chosen, which was written down before: her case is that."""
        if self._is_shared(call) or not call.said or call.said[0].where != "server":
            return
        beep = last_beep(call, call.said[0].began) or call.invited
        nowhere = (f for f in self.evidence.faults if f.kind in (*JOURNAL, *DISK))
        if any(lasted(fault, call.answered or call.invited, beep) for fault in nowhere) and self._was_killed(
            call
        ):
            return  # it was waited for half a second, and then she was asked to speak all the same
        for case in (self.evidence.cases[id] for id in sorted(mine - self.nobodys)):
            if case.chosen != CHOICE:
                verdict.problems.append(
                    f"her case {case.code} is filed under {', '.join(filter(None, case.chosen))}"
                )

    def _was_killed(self, call: Call) -> bool:
        """Whether a server was, in her call or until its facts are surely written."""
        kills = (fault for fault in self.evidence.faults if fault.kind in KILLS)
        return any(lasted(each, call.answered or call.invited, call.ended + KNOWN_SECONDS) for each in kills)

    def _check_code(self, call: Call, code: str, mine: set[str], verdict: Verdict) -> None:
        hers = [self.evidence.cases[id].code for id in mine or self.cases_of[call.number]]
        whole = len(code) == CODE_DIGITS
        if (code in hers) if whole else any(each.startswith(code) for each in hers):
            verdict.codes_true += whole
            verdict.codes_cut += not whole
        else:
            verdict.codes_false.append(code)
            verdict.problems.append(
                f"was spoken the code {code}, and her cases have {', '.join(hers) or 'none'}"
            )

    # Why a word may be missing

    def _excuse(self, call: Call, said: Said) -> str:
        if call.ended_by == "caller" and said.ended > call.ended - SLACK:
            return CUT
        if _after_her_hash(call, said):
            return OVER
        if was_cut_by_key(call, said):  # whatever else went on: what came before it is looked for by itself
            return KEYED
        for fault in self.evidence.faults:
            if excuse := self._by(fault, call, said):
                return excuse
        return ""

    def _by(self, fault: Fault, call: Call, said: Said) -> str:
        awake = self._last_awake(fault, call, said)
        buffered = awake - BUFFER_SECONDS - AWAKE_SECONDS
        if not call.answered or not call.answered < fault.ended or awake > call.ended + SLACK:
            return ""
        match fault.kind:
            case "Asterisk killed" if said.ended > awake - SLACK:
                return DEAD
            case "Asterisk killed" if said.ended > buffered and self._is_tail(call, said):
                return BUFFERED
            case "Asterisk stopped" if said.began < fault.ended and _stood_in_the_beep(fault, call, said):
                return EARLY
            case "Asterisk stopped" if said.ended > fault.began + SOCKET_SECONDS and said.began < fault.ended:
                return OVERFLOWED
            case "Asterisk stopped" if said.ended > fault.began - SLACK and call.ended < fault.ended + 1.0:
                return STOPPED
            case kind if kind == HANGS and said.began < fault.ended and self._slept(fault, call, said):
                return HUNG_ALONE if self.evidence.one_disk else HUNG
            case _ if self._takes_nothing(fault) and (
                (fault.began - BUFFER_SECONDS < said.ended and said.began < fault.ended + 1)
                or self._was_flushed_in(fault, call, said)
            ):
                kept = _told(call, said.ended) in KEPT or self._is_elsewhere(call, said)
                excuse = NO_ROOM_ALONE if self.evidence.one_disk else NO_ROOM
                return "" if kept and not _talked_over(call, said) else excuse
        return ""

    def _takes_nothing(self, fault: Fault) -> bool:
        """Where there is one disk alone, also a read-only one: else no recording is begun there."""
        return fault.kind in (*DISK, REFUSES) or (self.evidence.one_disk and fault.kind == READ_ONLY)

    def _slept(self, hang: Fault, call: Call, said: Said) -> bool:
        """Her file could not be begun; or its socket was full; or she left or pressed # meanwhile, and nobody
        read what the socket still held: her # comes by SIP, and so before the sound that waits there.
        """
        if not self._is_on(hang, call, said):
            return False
        beep = last_beep(call, said.began)
        if beep > hang.began - SLACK or said.ended > hang.began + SOCKET_SECONDS - SLACK:
            return True
        ended = call.ended < hang.ended + 1.0 or any(
            k == "#" and said.ended <= at < hang.ended for at, k in call.keys
        )
        return ended and said.ended > hang.began - SLACK

    def _was_flushed_in(self, fault: Fault, call: Call, said: Said) -> bool:
        """The recording ended while the disk refused: then it refused all of it, whenever that was said. And
        who had it in hand, and writes it anew until the disk is well, may have been killed.
        """
        began = last_beep(call, said.began)
        ended = min((at for at, key in call.keys if key == "#" and at >= said.ended), default=call.ended)
        cut = any(
            each.ended == "cut" and self._is_hers(call, each) and _begun(call, each) == began
            for each in self.evidence.recordings
        )
        well = self._until_well(fault)
        killed = any(
            each.kind in KILLS and each.began < well + ANEW_SECONDS and each.ended > ended
            for each in self.evidence.faults
        )
        return fault.kind == REFUSES and cut and killed and fault.began - SLACK < ended < fault.ended + 1

    def _until_well(self, refusal: Fault) -> float:
        """Its end, or that of a hang of the same disk that had begun by then."""
        hangs = (each for each in self.evidence.faults if each.kind == HANGS)
        return max([refusal.ended, *(h.ended for h in hangs if refusal.began < h.began < refusal.ended)])

    def _was_only_in_memory(self, call: Call) -> bool:
        """That she called was in no file when a server was killed, and she was not told that it was.

        From her answer until then the one disk that there is took nothing; or from before a flush was due.
        """
        if not self.evidence.one_disk or not call.answered or call.codes or _told(call, 0.0, KEPT):
            return False
        until = call.answered + NOTED_SECONDS
        nothing = (fault for fault in self.evidence.faults if fault.kind in TAKES_NOTHING)
        for fault in sorted(nothing, key=lambda fault: fault.began):
            if fault.began <= until:
                until = max(until, fault.ended + ANEW_SECONDS)
        kills = (fault.began for fault in self.evidence.faults if fault.kind in KILLS)
        return any(call.answered < killed < until for killed in kills)

    def _is_elsewhere(self, call: Call, said: Said) -> bool:
        """What came before it is on the second volume, which is well: no other disk is the cause."""
        return any(each.name.startswith(SECOND) for each in self._begun_with(call, said))

    def _last_awake(self, killed: Fault, call: Call, said: Said) -> float:
        """When it last did anything for her: one that was stopped, or that slept in writing what she said,
        until it was killed wrote nothing in between, not even what it held of before.
        """
        if killed.kind != "Asterisk killed":
            return killed.began
        stood = (
            fault.began
            for fault in self.evidence.faults
            if fault.kind == "Asterisk stopped" or (fault.kind == HANGS and self._is_on(fault, call, said))
            if fault.began < killed.began < fault.ended + AWAKE_SECONDS
        )
        return min(stood, default=killed.began)

    def _is_on(self, hang: Fault, call: Call, said: Said) -> bool:
        """Whether that was recorded on the disk that hung. Not where she was asked to speak so late that it
        was known, and there was another disk.
        """
        known = last_beep(call, said.began) > hang.began + KNOWN_SECONDS
        return self.evidence.one_disk or not (known or self._is_elsewhere(call, said))

    def _is_tail(self, call: Call, said: Said) -> bool:
        """Nothing that she said later is there: a hole in the middle is no buffer."""
        return not any(self.held.get((call.n, later.k)) for later in call.said if later.began > said.began)


def general_problems(accountant: Accountant) -> Iterator[str]:
    """What is wrong beside the calls: files, rows, and the two logs of the callers."""
    evidence = accountant.evidence
    for recording in evidence.recordings:
        if recording.words is None:
            yield f"the books name {recording.name}, and there is no such file"
        elif _met(evidence, recording, REFUSES) or _was_left(evidence, recording):
            continue  # it may read as zeros, or lack its header alone; who hears it is given one
        elif not recording.playable and recording.words:
            yield f"{recording.name} has no header: nobody can play it"
        elif not recording.same:
            yield f"{recording.name} is not the file whose hash the books hold"
    numbers = {call.number for call in evidence.calls}
    for case in evidence.cases.values():
        if case.caller not in numbers and case.id not in accountant.nobodys:
            yield f"case {case.code} is of {case.caller or 'nobody'}, who did not call"
    ours = {call.n for call in evidence.calls if call.answered}
    if apart := ours ^ evidence.answered_by_sipp:
        yield f"the telephones' log and SIPp's differ about who was answered: {sorted(apart)[:10]}"


def _was_left(evidence: Evidence, recording: Recording) -> bool:
    """A full disk did not take what Asterisk wrote first, and whoever had it in hand, to write it anew with a
    header once there is room, was killed: the books hold the hash of what it would have been, and no other.
    """
    if not recording.same_with_header:
        return False
    kills = [fault.began for fault in evidence.faults if fault.kind in KILLS]
    full = _met(evidence, recording, *DISK)
    return any(each.began < killed < each.ended + ANEW_SECONDS for each in full for killed in kills)


def _met(evidence: Evidence, recording: Recording, *kinds: str) -> list[Fault]:
    """What its disk did in that call, so that what it took may be gone; the row says that it was cut."""
    if recording.ended != "cut" or recording.name.startswith(SECOND):
        return []
    faults = [fault for fault in evidence.faults if fault.kind in kinds]
    held = {word.n for word in recording.words or ()}
    hers = [call for call in evidence.calls if call.n in held or recording.caller in ("", call.number)]
    return [
        each for each in faults if any(lasted(each, _begun(call, recording), call.ended) for call in hers)
    ]


def _begun(call: Call, recording: Recording) -> float:
    """At the beep before the first of her words in it; of one without words it is not known, so: as early as
    it can be.
    """
    held = {word.k for word in recording.words or () if word.n == call.n}
    first = min((said.began for said in call.said if said.k in held), default=0.0)
    return last_beep(call, first) or call.answered or call.invited


def _stood_in_the_beep(fault: Fault, call: Call, said: Said) -> bool:
    """The beep had ended to her ear, and to Asterisk only later; what came meanwhile it throws away."""
    return fault.began < last_beep(call, said.began) < fault.ended


def was_cut_by_key(call: Call, said: Said) -> bool:
    """Her # ended the recording of which it was the last word: RECORD FILE takes its end for a tone. Only of
    a telephone that sends nothing in silence.
    """
    key = min((at for at, key in call.keys if key == "#" and at >= said.ended - SLACK), default=0.0)
    said_more = any(said.began < other.began < key for other in call.said)
    if not call.abrupt or not key or said_more:
        return False
    return not any(said.ended < beep < key for beep in call.beeps)


def _after_her_hash(call: Call, said: Said) -> bool:
    """No recording was on: her # had ended it, she heard what came then, and there was no beep since."""
    ended = max((at for at, key in call.keys if key == "#" and at <= said.began), default=0.0)
    beep = any(ended < at <= said.began for at in call.beeps)
    return bool(ended) and not beep and any(ended < at < said.ended for at, _ in call.heard)


def _talked_over(call: Call, said: Said) -> bool:
    """She was just being told that her words are not kept, or had not waited for the beep after it."""
    asked_again = TOLD_NOT_KEPT | TOLD_UNSURE
    told = max((at for at, prompt in call.heard if prompt in asked_again and at < said.ended), default=0.0)
    beep = min((at for at in call.beeps if at > told), default=float("inf"))
    return bool(told) and said.began < beep


def _told(call: Call, since: float, what: frozenset[str] = KEPT | TOLD_NOT_KEPT | TOLD_UNSURE) -> str:
    """The first thing that she was told of her words after a moment."""
    return next((prompt for at, prompt in call.heard if at >= since and prompt in what), "")


def _says_same(call: Call) -> bool:
    asked = (at for at, prompt in call.heard if prompt == SAME_MATTER)
    return any(next((key for at, key in call.keys if at > when), "") == "1" for when in asked)


def _outcome(call: Call) -> str:
    if not call.answered:
        return "not answered"
    if any(len(code) == CODE_DIGITS for code in call.codes):
        return "heard her code"
    if _told(call, 0.0, KEPT):
        return "told it is kept"
    if _told(call, 0.0, TOLD_UNSURE):
        return "told it is not sure"
    return "told nothing" if call.said else "said nothing"
