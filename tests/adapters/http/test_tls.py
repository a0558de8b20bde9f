"""Encryption."""

import ssl
from contextlib import suppress
from pathlib import Path

import pytest
import trustme
from websockets.asyncio.client import connect

from beats.adapters.http import server
from beats.adapters.http.server import Certificate
from tests.adapters.sinks.websocket.support import on_air, receive, settings, until

pytestmark = pytest.mark.anyio


def make_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 with its key, and the authority that issued it in the same file."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", common_name=name)
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    cert.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems) + authority.cert_pem.bytes())
    issued.private_key_pem.write_to_path(key)
    return cert, key


def trusting(cert: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(cert))


async def test_viewers_connect_encrypted(tmp_path: Path) -> None:
    """The client checks the certificate, and large frames arrive complete."""
    cert, key = make_certificate(tmp_path, "one")
    async with on_air(settings(tls_cert=cert, tls_key=key)) as running:
        assert running.sink.address is not None
        url = running.sink.address.url
        assert url == f"wss://127.0.0.1:{running.port}"
        async with connect(url, ssl=trusting(cert), max_size=None) as viewer:
            await until(lambda: running.totals.connected == 1)
            for sequence in range(1, 6):
                running.frame(500_000)
                assert (await receive(viewer)).sequence == sequence


async def test_a_renewed_certificate_is_used_for_new_viewers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Connected viewers stay. An incomplete renewal changes nothing, and is logged once."""
    cert, key = make_certificate(tmp_path, "one")
    new_cert, new_key = make_certificate(tmp_path, "two")
    certificate = Certificate(cert, key)
    context = certificate.load()
    assert certificate.refresh() is False
    new_cert.replace(cert)
    new_key.replace(key)
    assert certificate.refresh() is True
    assert subject_served_by(context) == "two"
    cert.write_text("not a certificate")
    assert certificate.refresh() is certificate.refresh() is False
    assert subject_served_by(context) == "two"
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1


async def test_a_running_server_takes_renewed_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks at them now and then; who was connected before stays."""
    monkeypatch.setattr(server, "_CERTIFICATE_CHECK_S", 0.01)
    cert, key = make_certificate(tmp_path, "one")
    new_cert, new_key = make_certificate(tmp_path, "two")
    before, after = trusting(cert), trusting(new_cert)
    async with on_air(settings(tls_cert=cert, tls_key=key)) as running:
        url = f"wss://127.0.0.1:{running.port}"
        async with connect(url, ssl=before) as viewer:
            new_key.replace(key)
            new_cert.replace(cert)
            while True:
                with suppress(ssl.SSLCertVerificationError):
                    async with connect(url, ssl=after):
                        break
            running.knob(1)
            assert (await receive(viewer)).sequence == 1


async def test_files_that_are_no_certificate_stop_the_start(tmp_path: Path) -> None:
    """The error names the files."""
    cert, key = make_certificate(tmp_path, "one")
    for spoil in (lambda: cert.write_text("not a certificate"), cert.unlink):
        spoil()
        with pytest.raises(OSError, match=r"tls_cert '.*one\.pem'"):
            Certificate(cert, key).load()


def subject_served_by(context: ssl.SSLContext) -> str:
    """The name in the certificate that a server with this context presents, in memory."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    trusts_all = ssl.create_default_context()
    trusts_all.check_hostname = False
    trusts_all.verify_mode = ssl.CERT_NONE
    client = trusts_all.wrap_bio(to_client, to_server)
    server = context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    der = client.getpeercert(binary_form=True)
    assert der is not None
    return "two" if b"two" in der else "one"
