"""Time-based one-time passwords, as virtual MFA devices make them (RFC 6238 with SHA-1)."""

import base64
import hashlib
import hmac
import struct

STEP_SECONDS = 30


def code(seed: str, at: float) -> str:
    """Return the six digits of a base32 seed at a time in seconds since the epoch."""
    counter = struct.pack(">Q", int(at) // STEP_SECONDS)
    digest = hmac.new(base64.b32decode(seed), counter, hashlib.sha1).digest()
    offset = digest[-1] & 0xF
    (number,) = struct.unpack(">I", digest[offset : offset + 4])
    return f"{(number & 0x7FFFFFFF) % 10**6:06}"
