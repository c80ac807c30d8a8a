"""A token's audience is compared as the one value that it is, though Kubernetes writes a list."""

from typing import Any

from local.aws import internals


def install() -> None:
    internals.replace(internals.module("services.sts"), "_web_identity_principal", _principal)


def _principal(stock: Any) -> Any:
    def principal(*words: str) -> Any:
        provider, keys = stock(*words)
        for name, value in keys.items():
            if name.endswith(":aud") and isinstance(value, list) and len(value) == 1:
                keys[name] = value[0]
        return provider, keys

    return principal
