"""Certificates that strict verifiers take, as Python's own is from 3.13 on."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from local.kubernetes import certificates


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates") / "pki"
    certificates.ensure(folder, hosts=["127.0.0.1", "localhost"])
    return folder


def _strict(purpose: ssl.Purpose, authority: Path, pair: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(purpose, cafile=str(authority))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(pair.with_suffix(".crt"), pair.with_suffix(".key"))
    return context


def _handshake(client: ssl.SSLContext, server: ssl.SSLContext, host: str) -> None:
    """Shake hands in memory; raises SSLCertVerificationError when one side refuses the other."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    left = client.wrap_bio(back, there, server_hostname=host)
    right = server.wrap_bio(there, back, server_side=True)
    waiting = [left, right]
    while waiting:
        side = waiting.pop(0)
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            waiting.append(side)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize(
    ("authority", "user"),
    [*(("ca", name) for name in certificates.CLIENTS), ("front-proxy-ca", "front-proxy")],
)
def test_both_sides_pass_strict_verification(
    pki: Path, authority: str, user: str, host: str
) -> None:
    client = _strict(ssl.Purpose.SERVER_AUTH, pki / "ca.crt", pki / user)
    server = _strict(ssl.Purpose.CLIENT_AUTH, pki / f"{authority}.crt", pki / "apiserver")
    _handshake(client, server, host)


def test_a_client_of_the_other_authority_is_refused(pki: Path) -> None:
    client = _strict(ssl.Purpose.SERVER_AUTH, pki / "ca.crt", pki / "front-proxy")
    server = _strict(ssl.Purpose.CLIENT_AUTH, pki / "ca.crt", pki / "apiserver")
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(client, server, "localhost")
