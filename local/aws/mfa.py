"""Virtual MFA devices whose codes are checked; MiniStack takes any."""

import base64
import secrets
import time
from typing import Any

from local import totp
from local.aws import internals

_SEED_BYTES = 20
_DRIFT_STEPS = (-1, 0, 1)
"""How far a device's clock may be off."""


class MfaError(ValueError):
    """A second factor that AWS would not take; the text is AWS's own."""


def install() -> None:
    iam = internals.module("services.iam")
    # A seed is told once, to who makes the device; MiniStack tells it in every list.
    internals.replace(iam, "_virtual_mfa_xml", _without_seed)
    handlers = internals.member(iam, "_IAM_HANDLERS")
    handlers["CreateVirtualMFADevice"] = _with_base32_seed(handlers["CreateVirtualMFADevice"])
    handlers["EnableMFADevice"] = _with_two_codes(handlers["EnableMFADevice"])


def require(account: str, user: str, serial: str, given: str) -> None:
    """Raise MfaError unless the code is the user's own device's, as of now."""
    if not serial or not given:
        raise MfaError("must provide both MFA serial number and one time pass code.")
    device = internals.module("services.iam")._mfa_devices.get_scoped(account, None, serial)
    if device is None or not user or device["User"] != user:
        raise MfaError(
            "unable to validate MFA code. Please verify your MFA serial number is valid and "
            "associated with this user."
        )
    if not any(_is_code(device, given, step) for step in _DRIFT_STEPS):
        raise MfaError("invalid MFA one time pass code.")


def _without_seed(stock: Any) -> Any:
    def xml(serial: str, include_user: bool = True) -> str:
        text: str = stock(serial, include_user)
        if not include_user:
            return text
        before, _, rest = text.partition("<Base32StringSeed>")
        return before + rest.partition("</Base32StringSeed>")[2]

    return xml


def _with_base32_seed(stock: Any) -> Any:
    def create(request: Any) -> Any:
        devices = internals.module("services.iam")._mfa_devices
        known = set(devices.keys())
        answer = stock(request)
        for serial in set(devices.keys()) - known:
            seed = base64.b32encode(secrets.token_bytes(_SEED_BYTES)).decode()
            old, devices[serial]["Base32StringSeed"] = devices[serial]["Base32StringSeed"], seed
            answer = _put_in(answer, old, seed)
        return answer

    return create


def _put_in(answer: Any, old: str, new: str) -> Any:
    """The answer with another seed; seeds travel in base64."""
    status, headers, content = answer
    before, after = (base64.b64encode(seed.encode()) for seed in (old, new))
    raw = content if isinstance(content, bytes) else content.encode()
    return status, headers, raw.replace(before, after)


def _with_two_codes(stock: Any) -> Any:
    """Enable a device that shows two codes in a row."""

    def enable(request: Any) -> Any:
        iam = internals.module("services.iam")
        device = iam._mfa_devices.get(iam._p(request, "SerialNumber"))
        one, two = (iam._p(request, f"AuthenticationCode{number}") for number in (1, 2))
        if device is not None and not any(
            _is_code(device, one, step - 1) and _is_code(device, two, step)
            for step in (*_DRIFT_STEPS, 2)
        ):
            said = "Authentication code for device is not valid."
            return iam._error(403, "InvalidAuthenticationCode", said, ns="iam")
        return stock(request)

    return enable


def _is_code(device: Any, given: str, step: int) -> bool:
    right = totp.code(device["Base32StringSeed"], time.time() + step * totp.STEP_SECONDS)
    return secrets.compare_digest(given.encode(), right.encode())
