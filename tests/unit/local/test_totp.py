"""The codes of RFC 6238, appendix B, for SHA-1 (its last six digits of eight)."""

import base64

import pytest

from local import totp

SEED = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("at", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_the_rfc(at: int, code: str) -> None:
    assert totp.code(SEED, at) == code
