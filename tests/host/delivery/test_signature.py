"""What a receiver checks before it believes a delivery."""

import hashlib
import hmac

import pytest

from loupe.delivery.signature import BadSignature, sign, verify_signature

SECRET, BODY, TIME = "whsec_x", b'{"id": 1}', 1_800_000_000


def test_the_signature_is_an_hmac_over_time_and_body() -> None:
    expected = hmac.new(b"whsec_x", b'1800000000.{"id": 1}', hashlib.sha256).hexdigest()
    assert sign(SECRET, BODY, TIME) == f"t=1800000000,v1={expected}"


def test_a_fresh_signature_is_believed() -> None:
    verify_signature(SECRET, BODY, sign(SECRET, BODY, TIME), now=TIME + 299)


@pytest.mark.parametrize(
    ("secret", "body", "time", "why"),
    [
        ("whsec_y", BODY, TIME, "does not match"),
        (SECRET, b'{"id": 2}', TIME, "does not match"),
        (SECRET, BODY, TIME - 301, "301 s old"),
        (SECRET, BODY, TIME + 301, "-301 s old"),
    ],
)
def test_other_secrets_bodies_and_times_are_not(
    secret: str, body: bytes, time: int, why: str
) -> None:
    with pytest.raises(BadSignature, match=why):
        verify_signature(SECRET, BODY, sign(secret, body, time), now=TIME)


def test_the_time_is_part_of_what_is_signed() -> None:
    stale = sign(SECRET, BODY, TIME - 1000).replace(str(TIME - 1000), str(TIME))
    with pytest.raises(BadSignature, match="does not match"):
        verify_signature(SECRET, BODY, stale, now=TIME)


@pytest.mark.parametrize("header", ["", "t=1", "v1=00", "t=x,v1=00", "garbage"])
def test_a_header_of_another_form_is_refused(header: str) -> None:
    with pytest.raises(BadSignature, match="must be"):
        verify_signature(SECRET, BODY, header, now=TIME)
