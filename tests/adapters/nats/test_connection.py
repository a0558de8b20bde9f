"""One connection to one NATS server."""

import asyncio
import logging
import os
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
import trustme

from beats.adapters.nats.connection import Identity, NatsConnection, connect, credentials_in
from beats.adapters.nats.servers import Server
from beats.adapters.nats.servers import server as server_at
from beats.kit.certificates import client_context
from tests.support.nats import NatsServer, free_port
from tests.support.relay import cancelled

pytestmark = pytest.mark.anyio

ME = Identity("me", connect_timeout_s=20, silence_timeout_s=20)
HASTY = ME._replace(connect_timeout_s=0.5, silence_timeout_s=0.5)


@asynccontextmanager
async def connected(server: NatsServer, me: Identity = ME) -> AsyncGenerator[NatsConnection]:
    with anyio.fail_after(30):
        connection = await connect(server_at(server.url), me)
        try:
            yield connection
        finally:
            await connection.close()


async def test_what_was_written_has_arrived_when_the_server_answers(server: NatsServer, stream: str) -> None:
    """In order, past the library's own messages."""
    heard: list[bytes] = []

    async def hear(message: Any) -> None:
        heard.append(message.data)

    async with connected(server) as listener, connected(server) as speaker:
        await listener.subscribe(f"{stream}.>", hear)
        assert await listener.answered()
        for number in range(100):
            speaker.write([b"PUB %b.x 3\r\n" % stream.encode(), b"%03d" % number, b"\r\n"])
        await speaker.drain()
        assert await speaker.answered()
        assert await listener.answered()
        while len(heard) < 100:
            await anyio.lowlevel.checkpoint()
    assert heard == [b"%03d" % number for number in range(100)]


async def test_a_cluster_announces_its_other_servers(tmp_path: Path) -> None:
    """One address is enough."""
    ports = (free_port(), free_port())
    routes = [
        f"cluster: {{ name: c, listen: 127.0.0.1:{port}, routes: [nats://127.0.0.1:{ports[0]}] }}"
        for port in ports
    ]
    with (
        NatsServer(tmp_path, routes[0], jetstream=False) as one,
        NatsServer(tmp_path, routes[1], jetstream=False) as two,
    ):
        two.wait_for_log("Route connection created")
        found: list[tuple[str, int]] = []
        while not found:
            async with connected(one) as connection:
                found = connection.others
        assert ("127.0.0.1", two.port) in found


async def test_a_lost_connection_is_noticed_at_once(own_server: NatsServer) -> None:
    """Without sending anything."""
    async with connected(own_server) as connection:
        own_server.kill()
        await connection.lost.wait()
        assert connection.why
        assert not await connection.answered()
        with pytest.raises(OSError, match=r"."):
            await connection.drain()


async def test_a_server_that_does_not_answer_is_given_up(own_server: NatsServer) -> None:
    """Its connection stays open, also while bytes wait for it."""
    async with connected(own_server, HASTY) as connection:
        own_server.freeze()
        connection.write([bytes(50_000_000)])
        assert not await connection.answered()
        assert connection.lost.is_set()
        assert connection.why == "no answer for 0.5 s"
    with pytest.raises(TimeoutError, match=r"no answer within 0\.5 s"):
        await connect(server_at(own_server.url), HASTY)  # which the operating system accepts


@pytest.mark.parametrize(
    "line", [b"HTTP/1.1 400 Bad Request\r\n", b"INFO {\r\n", b"\r\n", b"x" * 200_000, b"INFO \xff\r\n", b""]
)
async def test_another_program_is_no_nats_server(line: bytes) -> None:
    """Whatever it sends."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(line)
        writer.close()

    other = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with other:
        with anyio.fail_after(20), pytest.raises(OSError, match=r"."):
            await connect(Server("127.0.0.1", other.sockets[0].getsockname()[1]), ME)


@pytest.mark.parametrize(
    ("config", "login", "me"),
    [
        ('user: "ann", password: "pässwörd"', "", ME._replace(user="ann", password="pässwörd")),
        ("token: hush", "", ME._replace(token="hush")),
        ('user: "ann", password: "a@b"', "ann:a%40b@", ME),
    ],
)
async def test_it_logs_in(tmp_path: Path, config: str, login: str, me: Identity) -> None:
    """By the settings, which take precedence, or by the address. The server refuses everyone else."""
    with NatsServer(tmp_path, f"authorization: {{ {config} }}") as server:
        address = server_at(server.url.replace("://", f"://{login}"))
        connection = await connect(address, me)
        assert await connection.answered()
        await connection.close()
        with pytest.raises(PermissionError, match="set user and password, token or credentials_file"):
            await connect(address, ME._replace(user="bob", password="x"))


@pytest.fixture
def tls_server(tmp_path: Path) -> NatsServer:
    """A server that encrypts, and the files of its clients: `ca.pem`, `me.pem`, `me.key`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    for name, issued in (("server", authority.issue_cert("localhost")), ("me", authority.issue_cert("me"))):
        issued.cert_chain_pems[0].write_to_path(tmp_path / f"{name}.pem")
        issued.private_key_pem.write_to_path(tmp_path / f"{name}.key")
    files = (
        f'cert_file: "{tmp_path}/server.pem", key_file: "{tmp_path}/server.key", ca_file: "{tmp_path}/ca.pem"'
    )
    return NatsServer(tmp_path, f"tls: {{ {files}, verify: true }}")


async def test_it_encrypts_and_presents_its_certificate(tmp_path: Path, tls_server: NatsServer) -> None:
    """A server may require both; its own certificate must have its name."""
    tls = client_context(tmp_path / "ca.pem", tmp_path / "me.pem", tmp_path / "me.key")
    me = ME._replace(tls=tls, must_encrypt=True)
    with tls_server:
        connection = await connect(Server("localhost", tls_server.port), me)
        assert await connection.answered()
        await connection.close()
        named = Server("127.0.0.1", tls_server.port, tls_name="localhost")
        await (await connect(named, me)).close()
        unnamed = Server("127.0.0.1", tls_server.port)
        for wrong in (unnamed, unnamed._replace(tls_name="other")):
            with pytest.raises(ssl.SSLCertVerificationError):
                await connect(wrong, me)
        with pytest.raises(OSError, match=r"."):
            await connect(
                Server("localhost", tls_server.port), ME._replace(tls=client_context(None, None, None))
            )


@pytest.mark.parametrize("way", ["address", "settings"])
async def test_no_password_goes_unencrypted_where_encryption_was_asked_for(way: str) -> None:
    """An attacker in between could remove the server's offer to encrypt."""
    seen = bytearray()

    async def pretend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"auth_required": true, "max_payload": 1000000}\r\n')
        seen.extend(await reader.read())
        writer.close()

    other = await asyncio.start_server(pretend, "127.0.0.1", 0)
    port = other.sockets[0].getsockname()[1]
    me = ME._replace(user="ann", password="hush", must_encrypt=way == "settings")
    async with other:
        with anyio.fail_after(20), pytest.raises(ConnectionError, match="does not encrypt"):
            await connect(Server("127.0.0.1", port, encrypted=way == "address"), me)
    assert bytes(seen) == b""


async def test_cancelled_at_any_moment_it_leaves_nothing_open(server: NatsServer) -> None:
    """No socket, and no task of the library."""
    tasks, files = len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names suffice

    async def work() -> None:
        await (await connect(server_at(server.url), ME)).close()

    for count in range(60):
        await cancelled(work, steps=count)
    await anyio.wait_all_tasks_blocked()
    assert len(asyncio.all_tasks()) <= tasks
    assert len(os.listdir("/proc/self/fd")) <= files  # noqa: PTH208 - as above


async def test_a_refused_permission_is_reported(tmp_path: Path) -> None:
    """It does not end the connection. The server also announces its largest message."""
    told: list[str] = []
    config = 'authorization: { users: [ { user: a, password: b, permissions: { publish: "x" } } ] }'
    with NatsServer(tmp_path, f"max_payload: 12345\n{config}") as server:
        async with connected(server, ME._replace(user="a", password="b")) as connection:
            assert connection.client.max_payload == 12345
            assert connection.others == []
            connection.on_refusal = told.append
            connection.write([b"PUB y 0\r\n\r\n"])
            assert await connection.answered()
            assert not connection.lost.is_set()
    assert told == ['permissions violation for publish to "y"']


async def test_a_handlers_error_is_logged(
    server: NatsServer, stream: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With a traceback; the next message arrives all the same."""
    heard = anyio.Event()

    async def hear(message: Any) -> None:
        if message.data == b"bad":
            raise LookupError("a fault")
        heard.set()

    async with connected(server) as connection:
        await connection.subscribe(stream, hear)
        assert await connection.answered() and await connection.answered()  # noqa: PT018 - twice the same
        for data in (b"bad", b"god"):
            connection.write([b"PUB %b 3\r\n%b\r\n" % (stream.encode(), data)])
        await heard.wait()
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert record.exc_info
    assert "could not be handled" in record.getMessage()


async def test_a_ping_can_be_cancelled_any_time(server: NatsServer, caplog: pytest.LogCaptureFixture) -> None:
    """Its late answer does no harm."""
    async with connected(server) as connection:
        for count in range(20):
            await cancelled(connection.answered, steps=count)
        assert await connection.answered()
    assert caplog.text == ""


def test_credentials_are_checked(tmp_path: Path) -> None:
    """The library would search a wrong file without an end."""
    file = tmp_path / "me.creds"
    with pytest.raises(FileNotFoundError, match=r"credentials_file '.*me\.creds' cannot be read"):
        credentials_in(file)
    for content in (b"", b"-----BEGIN NATS USER JWT-----\n", b"\xff"):
        file.write_bytes(content)
        with pytest.raises(ValueError, match="holds no JWT and seed"):
            credentials_in(file)
    file.write_text("-----BEGIN NATS USER JWT-----\nx\n-----BEGIN USER NKEY SEED-----\ny\n")
    assert credentials_in(file).startswith("-----BEGIN")
