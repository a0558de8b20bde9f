"""The last message of each subject, kept by a NATS server."""

from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

from beats.adapters.nats.connection import Identity, NatsConnection
from beats.adapters.nats.kept_values import KeptValues, UnavailableError
from beats.adapters.nats.messages import Subjects
from tests.adapters.nats.test_connection import ME, connected
from tests.support.nats import NatsServer

if TYPE_CHECKING:
    from nats.aio.msg import Msg

pytestmark = pytest.mark.anyio


async def read(values: KeptValues, connection: NatsConnection) -> "list[Msg]":
    async def ignore(message: "Msg") -> None:
        pass

    async with values.read(connection, ignore) as messages:
        return messages


def publish(connection: NatsConnection, subject: str, data: bytes) -> None:
    connection.write([b"PUB %b %d\r\n%b\r\n" % (subject.encode(), len(data), data)])


async def test_the_last_message_of_each_subject_is_kept(server: NatsServer, stream: str) -> None:
    """In the order of their last change; other streams are left out."""
    subjects = Subjects("beats", stream)
    values = KeptValues(subjects, 1 << 20)
    async with connected(server) as connection:
        assert await read(values, connection) == []
        assert await values.keep(connection) == "begun"
        assert await values.keep(connection) == "kept"
        assert await read(values, connection) == []
        for number in range(10):
            publish(connection, subjects.of("frame"), b"%d" % number)
        publish(connection, subjects.of("peripheral/a"), b"a")
        publish(connection, f"beats.{stream}x.frame", b"other")
        assert await connection.answered()
        found = await read(values, connection)
    assert [(each.subject, each.data) for each in found] == [
        (subjects.of("frame"), b"9"),
        (subjects.of("peripheral/a"), b"a"),
    ]


async def test_many_values_are_read_while_more_come(server: NatsServer, stream: str) -> None:
    """It ends, and none is missing: those that the server had not kept yet follow."""
    subjects = Subjects("beats", stream)
    values = KeptValues(subjects, 1 << 24)
    found: set[str] = set()

    async def hear(message: "Msg") -> None:
        found.add(message.subject)

    async with connected(server) as speaker, connected(server) as listener:
        await values.keep(speaker)
        for number in range(1000):
            publish(speaker, subjects.of(f"peripheral/{number}"), bytes(300))
        assert await speaker.answered()
        async with anyio.create_task_group() as group:

            async def speak() -> None:
                while True:
                    publish(speaker, subjects.of("peripheral/1"), b"more")
                    await speaker.answered()  # as fast as the server takes them, not faster

            group.start_soon(speak)
            async with values.read(listener, hear) as messages:
                assert messages
                found |= {each.subject for each in messages}
                while len(found) < 1000:
                    await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()


async def test_later_messages_are_passed_on_while_reading(server: NatsServer, stream: str) -> None:
    """The server keeps a message a moment after it has sent it to subscribers."""
    subjects = Subjects("beats", stream)
    values = KeptValues(subjects, 1 << 20)
    more: list[bytes] = []

    async def hear(message: "Msg") -> None:
        more.append(message.data)

    async with connected(server) as connection:
        await values.keep(connection)
        publish(connection, subjects.of("frame"), b"1")
        assert await connection.answered()
        async with values.read(connection, hear) as messages:
            assert [each.data for each in messages] == [b"1"]
            publish(connection, subjects.of("frame"), b"2")
            while not more:
                await anyio.lowlevel.checkpoint()
        assert await connection.answered()
        publish(connection, subjects.of("frame"), b"3")
        assert await connection.answered()
    assert more == [b"2"]


async def test_what_changed_longest_ago_is_dropped_first(server: NatsServer, stream: str) -> None:
    """Memory is bounded."""
    subjects = Subjects("beats", stream)
    values = KeptValues(subjects, 100_000)
    async with connected(server) as connection:
        await values.keep(connection)
        for number in range(100):
            publish(connection, subjects.of(f"peripheral/{number}"), bytes(10_000))
        assert await connection.answered()
        found = await read(values, connection)
    assert 0 < len(found) < 10
    assert found[-1].subject == subjects.of("peripheral/99")


async def test_an_existing_stream_is_used_as_it_is(server: NatsServer, stream: str) -> None:
    """Its operator may have configured it, but it must have the subjects, and no other stream may."""
    subjects = Subjects("beats", stream)
    async with connected(server) as connection:
        js = connection.client.jetstream()  # pyright: ignore[reportUnknownMemberType]  # the library says less
        await js.add_stream(name=subjects.last_values, subjects=[subjects.everything], max_msgs_per_subject=3)  # pyright: ignore[reportUnknownMemberType]  # as above
        assert await KeptValues(subjects, 1 << 20).keep(connection) == "kept"
        assert (await js.stream_info(subjects.last_values)).config.max_msgs_per_subject == 3
        other = Subjects("beats", f"{stream}-other")
        await js.add_stream(name=other.last_values, subjects=["elsewhere.>"])  # pyright: ignore[reportUnknownMemberType]  # as above
        with pytest.raises(UnavailableError, match="with other subjects than"):
            await KeptValues(other, 1 << 20).keep(connection)
        await js.delete_stream(other.last_values)
        await js.add_stream(name=f"theirs-{stream}", subjects=[other.of("frame")])  # pyright: ignore[reportUnknownMemberType]  # as above
        with pytest.raises(UnavailableError, match="overlap"):
            await KeptValues(other, 1 << 20).keep(connection)


@pytest.mark.parametrize(
    ("config", "jetstream", "why"),
    [
        ("", False, "no JetStream: add jetstream"),
        ("accounts: { A: { users: [ USER ] } }", True, "no JetStream: add jetstream"),
        ("accounts: { A: { jetstream: { max_mem: 1000 }, users: [ USER ] } }", True, "too little"),
        ("authorization: { users: [ { PERMISSIONS, USER } ] }", True, "no answer: let"),
    ],
)
async def test_the_reason_why_a_server_keeps_none_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str, jetstream: bool, why: str
) -> None:
    """And what to do about it."""
    monkeypatch.setattr("beats.adapters.nats.kept_values._REQUEST_S", 0.2)
    values = KeptValues(Subjects("beats", "main"), 1 << 20)
    me = Identity("me", user="a", password="b")
    config = config.replace("PERMISSIONS, USER", "permissions: { publish: x }, user: a, password: b")
    config = config.replace("USER", "{ user: a, password: b }")
    with NatsServer(tmp_path, config, jetstream=jetstream) as server:
        async with connected(server, me if config else ME) as connection:
            with pytest.raises(UnavailableError, match=why):
                await values.keep(connection)
            if why != "too little":
                with pytest.raises(UnavailableError, match=why):
                    await read(values, connection)
