"""The second step of signing in takes the code that a person has just read."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from allauth.mfa.totp.internal import auth

READ_AT = datetime(2026, 3, 1, 12, 0, 29, tzinfo=UTC)  # its half minute ends in a second


@pytest.mark.parametrize(("seconds", "right"), [(0, True), (20, True), (-30, True), (60, False)])
def test_a_code_that_changed_on_its_way_is_right_and_an_old_one_is_not(
    seconds: int, right: bool
) -> None:
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    code = auth.format_hotp_value(auth.hotp_value(secret, int(READ_AT.timestamp()) // 30))
    with time_machine.travel(READ_AT + timedelta(seconds=seconds), tick=False):
        assert auth.validate_totp_code(secret, code) is right
