"""Passwords that guessers try first: common words and rows of keys with ornaments, and what leaked most.

The rules behind the lists of what leaked come first: a common word, digits or a year before or after it,
letters written as digits, keys in a row (of a Persian keyboard's Latin side too), once or over and over. Then
the ten thousand that leaked most among those that would be long and varied enough; the 2,238 of them that the
rules know are not in the file (docs/decisions/libraries.md says where it comes from).
"""

from __future__ import annotations

import gzip
import re
from functools import cache
from pathlib import Path

WORDS = """
password passwort passw pass admin administrator root user guest test login welcome hello letmein
master secret monkey dragon football baseball soccer princess sunshine shadow superman batman iloveyou love
lovely angel baby flower freedom computer internet server system default changeme change temp temporary
service support manager office company summer winter spring autumn january february march april june july
august september october november december monday tuesday friday sunday saturday trustno starwars google
facebook telegram instagram whatsapp samsung iphone android nokia huawei michael jordan daniel jessica charlie
killer hunter access michelle jennifer thomas robert orange banana cheese purple silver golden diamond
iran irani tehran tabriz isfahan esfahan shiraz mashhad qom ahvaz urmia ardabil zanjan azerbaijan azarbaijan
salam dorood khoda allah mohammad muhammad mohamad ali hassan hasan hossein hosein husein reza mahdi mehdi
fatemeh fateme zahra maryam narges sara amir abbas hamid saeed majid masoud ehsan milad parsa arash ahmad
akbar mostafa morteza karim eshgh eshghe asal ghalb golam nafas zendegi maman baba doost dooset daram azizam
persepolis perspolis esteghlal taraktor tractor traktor teraktor tiraxtur shahr ostan ostandar ostandari
farmandar shahrdari dolat edare modir karmand raees sedaye seda samad javab ramz obur oboor vorood
khorshid mahtab bahar tabestan paeez zemestan noruz nowruz farvardin khordad shahrivar aban azar bahman esfand
""".split()  # noqa: SIM905
ROWS = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "abcdefghijklmnopqrstuvwxyz",
        "qazwsxedcrfvtgbyhnujmikolp",
        "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "1q2w3e4r5t6y7u8i9o0p", "!@#$%^&*()",
        "\u0636\u0635\u062b\u0642\u0641\u063a\u0639\u0647\u062e\u062d\u062c\u0686",
        "\u0634\u0633\u06cc\u0628\u0644\u0627\u062a\u0646\u0645\u06a9\u06af",
        "\u0638\u0637\u0632\u0631\u0630\u062f\u067e\u0648")  # fmt: skip
_OLD_ROWS = {"\u064a": "\u06cc", "\u0643": "\u06a9"}  # Arabic yeh and kaf
_AS_LETTERS = str.maketrans("013457@$!|", "oleastasil")
_ORNAMENTS = re.compile(r"[\W\d_]+")
_SHORTEST_RUN = 3
_LEAKED = Path(__file__).with_name("leaked_passwords.txt.gz")
LEAST_LEFT = 5  # letters or signs that are nobody's habit


def is_common(plain: str) -> bool:
    """`plain`: casefolded. It leaked often, or little is left once words, rows of keys and years go."""
    if plain in leaked():
        return True
    for old, new in _OLD_ROWS.items():
        plain = plain.replace(old, new)
    return any(_left(each) < LEAST_LEFT for each in (plain, plain.translate(_AS_LETTERS)))


@cache
def leaked() -> frozenset[str]:
    return frozenset(gzip.decompress(_LEAKED.read_bytes()).decode().splitlines())


def _left(text: str) -> int:
    text = _words().sub(" ", text)
    text = _runs().sub(" ", text)
    left = _ORNAMENTS.sub("", text)
    return len(set(left))


@cache
def _words() -> re.Pattern[str]:
    longest_first = sorted(WORDS, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)))


@cache
def _runs() -> re.Pattern[str]:
    """Three or more neighbours of a row, in either direction; the longest first."""
    both = [*ROWS, *(row[::-1] for row in ROWS)]
    found = {
        row[a:b] for row in both for a in range(len(row)) for b in range(a + _SHORTEST_RUN, len(row) + 1)
    }
    return re.compile("|".join(map(re.escape, sorted(found, key=len, reverse=True))))
