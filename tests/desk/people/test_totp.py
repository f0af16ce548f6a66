"""One-time codes as RFC 6238 has them."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime, timedelta

import pytest

from ivr.desk.people import totp

RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924")],
)
def test_the_vectors_of_the_rfc(seconds: int, code: str) -> None:
    assert totp.code_at(RFC_SECRET, seconds // 30) == code


def test_a_code_holds_a_step_before_and_after_and_works_once() -> None:
    now = datetime.fromtimestamp(1111111109, UTC)
    step = 1111111109 // 30
    for near in (step - 1, step, step + 1):
        code = totp.code_at(RFC_SECRET, near)
        assert totp.step_of(RFC_SECRET, code, now, last=0) == near
        assert totp.step_of(RFC_SECRET, code, now, last=near) is None
    for far in (step - 2, step + 2):
        assert totp.step_of(RFC_SECRET, totp.code_at(RFC_SECRET, far), now, last=0) is None
    for junk in ("", "12345", "۱۲۳۴۵۶", "x" * 1000):
        assert totp.step_of(RFC_SECRET, junk, now, last=0) is None


def test_a_code_of_this_machine_s_time_fits_once_where_the_database_s_is_wrong() -> None:
    wrong, here = datetime.now(UTC) - timedelta(minutes=5), int(time.time()) // 30
    code = totp.code_at(RFC_SECRET, here)
    assert totp.step_of(RFC_SECRET, code, wrong, last=0) == here
    assert totp.step_of(RFC_SECRET, code, wrong, last=here) is None


def test_recovery_codes_differ_and_are_read_in_any_case() -> None:
    codes = totp.recovery_codes()
    assert len(set(codes)) == totp.RECOVERY_CODES
    assert totp.recovery_hash(f" {codes[0].upper()} ") == totp.recovery_hash(codes[0])
