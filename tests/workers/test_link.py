import socket

import anyio
import pytest

from beats.workers import link as module
from beats.workers.link import Link, Message

pytestmark = pytest.mark.anyio


async def pair() -> tuple[Link, Link]:
    one, other = socket.socketpair()
    return await Link.over(one), await Link.over(other)


async def test_messages_arrive_whole_and_in_order() -> None:
    """However large, and whatever text is in them."""
    one, other = await pair()
    for number in range(3):
        assert one.send("stats", number=number, text="line\nline \u2028 \ud800" * 100_000)
    got: list[Message] = []
    with anyio.fail_after(10):
        async for message in other.messages():
            got.append(message)
            if len(got) == 3:
                break
    assert [message["number"] for message in got] == [0, 1, 2]
    assert got[0]["kind"] == "stats"
    assert got[0]["text"].startswith("line\nline \u2028 \ud800")
    one.close()
    other.close()


async def test_messages_end_when_the_other_side_is_gone() -> None:
    """An unfinished line is no message, and `send` returns False."""
    one, sock = socket.socketpair()
    link = await Link.over(one)
    sock.sendall(b'{"kind": "whole"}\n{"kind": "ha')
    sock.close()
    with anyio.fail_after(10):
        assert [message["kind"] async for message in link.messages()] == ["whole"]
        while link.send("anything"):
            await link.flush()
    link.close()


async def test_a_side_that_takes_nothing_costs_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound, `send` drops the message and returns False."""
    monkeypatch.setattr(module, "_MOST_WAITING_BYTES", 100_000)
    one, stuck = socket.socketpair()
    link = await Link.over(one)
    sent = 0
    while link.send("control", text="x" * 10_000):
        sent += 1
    assert 10 <= sent < 200
    stuck.close()
    link.close()
