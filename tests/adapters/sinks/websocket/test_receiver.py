"""What comes from clients."""

import json
import logging
from contextlib import suppress
from dataclasses import replace

import pytest
from anyio import to_thread
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from beats.adapters.sinks.websocket import WebSocketSettings
from beats.adapters.sinks.websocket.sink import WebSocketSink
from beats.adapters.sources.replay.commands import COMMANDS
from beats.kernel.capabilities import CommandCheck
from beats.kernel.envelope import Control
from beats.kernel.ports import Context
from tests.adapters.sinks.websocket.support import RawClient, on_air, receive, settings, until

pytestmark = pytest.mark.anyio
CLOSE = 8
"""The opcode of a close frame: RFC 6455, section 5.2."""
BROWSE = '{"kind": "control", "command": "browse"}'


async def test_a_flood_of_messages_closes_that_client_alone() -> None:
    """More than its allowance gets code 1008; the others go on."""
    async with on_air(settings(max_messages_per_s=5)) as running, connect(running.url) as quiet:
        async with connect(running.url) as loud:
            with suppress(ConnectionClosed):
                for _ in range(1000):
                    await loud.send(BROWSE)
            await loud.wait_closed()
            assert loud.close_code == 1008
        running.knob(1)
        assert (await receive(quiet)).sequence == 1


FLOODS = {
    "pings": b"\x89\x81\0\0\0\0x",
    "pongs": b"\x8a\x81\0\0\0\0x",
    "fragments": b"\x00\x81\0\0\0\0x",
    "messages": b"\x81\x82\0\0\0\0{}",
}
"""Masked frames (RFC 6455, section 5.2) of which a client sends too many."""


@pytest.mark.parametrize("kind", FLOODS)
async def test_every_frame_counts(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """A flood of any kind gets 1008 however it is cut, is counted, and leaves a line or two in the log."""
    flood = FLOODS[kind] * 30_000
    if kind == "fragments":
        flood = b"\x01\x81\0\0\0\0x" + flood

    def attack(port: int) -> int:
        """Send without pause, read nothing, and leave; then read what came."""
        client = RawClient(port).handshaken()
        with suppress(OSError):
            while True:
                client.socket.sendall(flood)
        opcode, payload = client.frame()
        while opcode != CLOSE:
            opcode, payload = client.frame()
        client.close()
        return int.from_bytes(payload[:2], "big")

    async with on_air(settings(close_timeout_s=0.1)) as running, connect(running.url) as quiet:
        assert await to_thread.run_sync(attack, running.port) == 1008
        await until(lambda: running.totals.flooded == 1 and running.totals.connected == 1)
        running.knob(1)
        assert (await receive(quiet)).sequence == 1
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(lines) <= 2
    assert "sent more than max_messages_per_s allows" in lines[-1]


async def test_what_came_within_the_allowance_is_not_lost() -> None:
    """The commands before the one too many reach the application, also when all come in one piece."""
    controls: list[Control] = []
    text = BROWSE.encode()
    frame = bytes([0x81, 0x80 | len(text)]) + bytes(4) + text
    async with on_air(settings(max_messages_per_s=5)) as running:
        running.kernel.bus.connect("control", controls.append)
        client = await to_thread.run_sync(lambda: RawClient(running.port).handshaken())
        client.socket.sendall(frame * 50)
        await until(lambda: running.totals.flooded == 1)
        client.close()
    assert len(controls) == 10


async def test_many_floods_are_a_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    """However often a client comes back to do it again."""
    async with on_air(settings(max_messages_per_s=1)) as running:
        for _ in range(50):
            client = await to_thread.run_sync(lambda: RawClient(running.port).handshaken())
            client.socket.sendall(FLOODS["messages"] * 3)
            client.close()
        await until(lambda: running.totals.flooded == 50)
    assert sum(record.levelno >= logging.WARNING for record in caplog.records) == 2 * (10 + 1)


async def test_a_message_that_is_too_large_closes_that_client_alone() -> None:
    """The library answers 1009, message too big, and nobody else notices."""
    async with on_air(settings(max_message_bytes=2048)) as running, connect(running.url) as quiet:
        async with connect(running.url) as loud:
            await loud.send("x" * 3000)
            with pytest.raises(ConnectionClosed):
                await loud.recv()
            assert loud.close_code == 1009
        running.knob(1)
        assert (await receive(quiet)).sequence == 1


async def test_watching_does_not_imply_steering(caplog: pytest.LogCaptureFixture) -> None:
    """With a control token, commands of others are ignored; with it, they arrive."""
    controls: list[Control] = []
    async with on_air(settings(control_token="steer-me")) as running:
        running.kernel.bus.connect("control", controls.append)
        with caplog.at_level(logging.WARNING):
            async with (
                connect(running.url) as watcher,
                connect(running.url + "/?token=steer-me") as pilot,
            ):
                await watcher.send(BROWSE)
                await until(lambda: "may watch, not steer" in caplog.text)
                await pilot.send(BROWSE)
                await until(lambda: controls)
    assert len(controls) == 1
    assert "steer-me" not in caplog.text


def replay_control(command: str, **fields: object) -> str:
    return json.dumps({"kind": "control", "command": command, **fields})


async def test_commands_of_a_source_pass_only_while_it_takes_them(caplog: pytest.LogCaptureFixture) -> None:
    """Before, and afterwards, they are what nobody knows: ignored and counted, and the client stays."""
    controls: list[Control] = []
    commands: dict[str, CommandCheck] = {}

    def build(config: WebSocketSettings, context: Context) -> WebSocketSink:
        return WebSocketSink(config, replace(context, commands=commands))

    caplog.set_level(logging.DEBUG, "beats")
    async with on_air(build=build) as running, connect(running.url) as viewer:
        running.kernel.bus.connect("control", controls.append)
        await viewer.send(replay_control("replay_pause"))
        await until(lambda: "message 1 from client" in caplog.text)
        commands.update(COMMANDS)
        await viewer.send(replay_control("replay_pause"))
        await viewer.send(replay_control("replay_seek", frames=-1))
        await until(lambda: len(controls) == 2)
        commands.clear()
        await viewer.send(replay_control("replay_pause"))
        await until(lambda: "message 2 from client" in caplog.text)
    assert [(control.command, control.fields) for control in controls] == [
        ("replay_pause", {"paused": None}),
        ("replay_seek", {"frames": -1}),
    ]
    assert controls[0].client.sink == "browser"


async def test_what_a_source_would_not_take_is_ignored_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    """The client that sent it goes on, also after a number that no float can hold."""

    def build(config: WebSocketSettings, context: Context) -> WebSocketSink:
        return WebSocketSink(config, replace(context, commands=COMMANDS))

    controls: list[Control] = []
    caplog.set_level(logging.DEBUG, "beats")
    async with on_air(build=build) as running, connect(running.url) as viewer:
        running.kernel.bus.connect("control", controls.append)
        for fields in ({"position_s": 10**400}, {}, {"frames": 0.5}):
            await viewer.send(replay_control("replay_seek", **fields))
        await viewer.send(replay_control("replay_speed", speed="max"))
        await until(lambda: controls)
    assert "ignored: position_s is 1000" in caplog.text
    assert "message 3 from client" in caplog.text
    assert "message 4 from client" not in caplog.text


async def test_steering_a_replay_needs_the_right_to_steer(caplog: pytest.LogCaptureFixture) -> None:
    """As every other command does."""

    def build(config: WebSocketSettings, context: Context) -> WebSocketSink:
        return WebSocketSink(config, replace(context, commands=COMMANDS))

    controls: list[Control] = []
    async with on_air(settings(control_token="steer-me"), build=build) as running:
        running.kernel.bus.connect("control", controls.append)
        async with connect(running.url) as watcher, connect(running.url + "/?token=steer-me") as pilot:
            await watcher.send(replay_control("replay_pause", paused=True))
            await until(lambda: "may watch, not steer" in caplog.text)
            await pilot.send(replay_control("replay_pause", paused=False))
            await until(lambda: controls)
    assert [control.fields for control in controls] == [{"paused": False}]


async def test_a_client_that_asks_for_a_receipt_gets_one(caplog: pytest.LogCaptureFixture) -> None:
    """Whether its command was taken, and if not, why; between the envelopes, and to nobody else."""
    controls: list[Control] = []
    async with on_air() as running:
        running.kernel.bus.connect("control", controls.append)
        async with connect(running.url) as asker, connect(running.url) as other:
            await until(lambda: running.totals.connected == 2)
            for number, more in enumerate(
                [{"command": "browse"}, {"command": "dance"}, {"command": "browse"}]
            ):
                await asker.send(json.dumps({"kind": "control", "receipt": number, **more}))
                await other.send(BROWSE)
            texts = [json.loads(await asker.recv()) for _ in range(3)]
            await until(lambda: len(controls) == 5)
            running.knob(1)
            assert (await receive(asker)).sequence == 1
            assert (await receive(other)).sequence == 1
    assert texts[0] == {"kind": "receipt", "receipt": 0, "taken": True}
    assert texts[2] == {"kind": "receipt", "receipt": 2, "taken": True}
    assert texts[1]["taken"] is False
    assert texts[1]["error"].startswith("command is 'dance', not one of browse, ")
    assert "receipt" not in controls[0].fields


async def test_who_may_not_steer_is_told_so_in_the_receipt() -> None:
    """In the words of the log."""
    async with on_air(settings(control_token="t")) as running, connect(running.url) as watcher:
        await watcher.send('{"kind": "control", "command": "browse", "receipt": 1}')
        said = json.loads(await watcher.recv())
    error = "it may watch, not steer, without the control token"
    assert said == {"kind": "receipt", "receipt": 1, "taken": False, "error": error}
