"""What comes from clients."""

import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from anyio import to_thread
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from beats.adapters.sinks.websocket import WebSocketSettings
from beats.adapters.sinks.websocket.receiver import parse, receipt, receipt_wanted
from beats.adapters.sinks.websocket.sink import WebSocketSink
from beats.adapters.sources.replay.commands import COMMANDS
from beats.kernel.capabilities import CommandCheck
from beats.kernel.envelope import Control
from beats.kernel.ports import Context
from beats.kit.controls import InvalidControl
from tests.adapters.sinks.websocket.support import (
    CLOSE,
    RawClient,
    on_air,
    receive,
    settings,
    until,
    warnings,
)

pytestmark = pytest.mark.anyio
BROWSE = '{"kind": "control", "command": "browse"}'


def control(command: object, **fields: object) -> str:
    return json.dumps({"kind": "control", "command": command, **fields})


FLOODS = {
    "pings": b"\x89\x81\0\0\0\0x",
    "pongs": b"\x8a\x81\0\0\0\0x",
    "fragments": b"\x00\x81\0\0\0\0x",
    "messages": b"\x81\x82\0\0\0\0{}",
}
"""Masked frames (RFC 6455, section 5.2) of which a client sends too many."""


@pytest.mark.parametrize("kind", FLOODS)
async def test_every_frame_counts(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """A flood of any kind gets 1008, is counted, and leaves a line or two in the log."""
    flood = FLOODS[kind] * 30_000
    if kind == "fragments":
        flood = b"\x01\x81\0\0\0\0x" + flood

    def attack(port: int) -> int:
        """Send without pause, read nothing, and leave; then read the answer."""
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
    lines = warnings(caplog)
    assert len(lines) <= 2
    assert "sent more than max_messages_per_s allows" in lines[-1]


async def test_commands_within_the_limit_are_not_lost() -> None:
    """They reach the application, even when all come in one piece."""
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


def frame_of_client(first: int, content: bytes) -> bytes:
    """With a mask that changes nothing."""
    return bytes([first, 0x80 | len(content)]) + bytes(4) + content


async def test_a_command_in_fragments_arrives_whole() -> None:
    """With a ping in between, empty fragments, and other messages before and after it."""
    controls: list[Control] = []
    text = control("browse", browse_step=7).encode()
    pieces = [(0x01, text[:5]), (0x00, b""), (0x89, b"ping"), (0x00, text[5:20]), (0x80, text[20:])]
    whole = frame_of_client(0x82, BROWSE.encode())
    async with on_air() as running:
        running.kernel.bus.connect("control", controls.append)
        client = await to_thread.run_sync(lambda: RawClient(running.port).handshaken())
        client.socket.sendall(whole + b"".join(frame_of_client(*each) for each in pieces) + whole)
        await until(lambda: len(controls) == 3)
        client.close()
    assert [each.fields["browse_step"] for each in controls][1] == 7


async def test_commands_that_come_with_the_handshake_are_not_lost() -> None:
    """However many they are: they wait until the viewer has the state, and no more are read meanwhile."""
    controls: list[Control] = []
    frames = frame_of_client(0x81, BROWSE.encode()) * 40
    async with on_air() as running:
        running.kernel.bus.connect("control", controls.append)
        client = await to_thread.run_sync(RawClient, running.port)
        client.socket.sendall(frames)
        await to_thread.run_sync(client.handshaken)
        client.socket.sendall(frames)
        await until(lambda: len(controls) == 80)
        client.close()


async def test_text_that_is_not_utf_8_closes_that_client_alone(caplog: pytest.LogCaptureFixture) -> None:
    """With code 1007, invalid data: RFC 6455, section 8.1. What follows it is not looked at."""
    controls: list[Control] = []
    async with on_air() as running, connect(running.url):
        running.kernel.bus.connect("control", controls.append)
        client = await to_thread.run_sync(lambda: RawClient(running.port).handshaken())
        client.socket.sendall(frame_of_client(0x81, b"\xff") + frame_of_client(0x81, BROWSE.encode()))
        opcode, payload = await to_thread.run_sync(client.frame)
        assert (opcode, int.from_bytes(payload[:2], "big")) == (CLOSE, 1007)
        client.close()
        await until(lambda: running.totals.connected == 1)
    assert controls == []
    assert warnings(caplog) == []


async def test_a_message_that_is_too_large_closes_that_client_alone() -> None:
    """With code 1009, message too big."""
    async with on_air(settings(max_message_bytes=2048)) as running, connect(running.url) as quiet:
        async with connect(running.url) as loud:
            await loud.send("x" * 3000)
            with pytest.raises(ConnectionClosed):
                await loud.recv()
            assert loud.close_code == 1009
        running.knob(1)
        assert (await receive(quiet)).sequence == 1


def with_commands(known: Mapping[str, CommandCheck]) -> Callable[[WebSocketSettings, Context], WebSocketSink]:
    """Builds a sink whose sources take these commands."""
    return lambda config, context: WebSocketSink(config, replace(context, commands=known))


async def test_watching_does_not_imply_steering(caplog: pytest.LogCaptureFixture) -> None:
    """With a control token, all commands of other viewers are ignored; a receipt says so."""
    controls: list[Control] = []
    async with on_air(settings(control_token="steer-me"), build=with_commands(COMMANDS)) as running:
        running.kernel.bus.connect("control", controls.append)
        async with connect(running.url) as watcher, connect(running.url + "/?token=steer-me") as pilot:
            await watcher.send(BROWSE)
            await watcher.send(control("replay_pause", paused=True, receipt=1))
            error = "it may watch, not steer, without the control token"
            expected = {"kind": "receipt", "receipt": 1, "taken": False, "error": error}
            assert json.loads(await watcher.recv()) == expected
            await pilot.send(BROWSE)
            await pilot.send(control("replay_pause", paused=False))
            await until(lambda: len(controls) == 2)
    assert [control.command for control in controls] == ["browse", "replay_pause"]
    assert controls[1].fields == {"paused": False}
    assert "may watch, not steer" in caplog.text
    assert "steer-me" not in caplog.text


async def test_commands_of_a_source_are_accepted_while_it_runs(caplog: pytest.LogCaptureFixture) -> None:
    """Before and afterwards they are unknown; those with invalid fields are ignored and counted, too."""
    controls: list[Control] = []
    commands: dict[str, CommandCheck] = {}
    caplog.set_level(logging.DEBUG, "beats")
    async with on_air(build=with_commands(commands)) as running, connect(running.url) as viewer:
        running.kernel.bus.connect("control", controls.append)
        await viewer.send(control("replay_pause"))
        await until(lambda: "invalid message 1 of client" in caplog.text)
        commands.update(COMMANDS)
        for fields in ({"position_s": 10**400}, {"frames": 0.5}, {"frames": -1}):
            await viewer.send(control("replay_seek", **fields))
        await viewer.send(control("replay_pause"))
        await until(lambda: len(controls) == 2)
        commands.clear()
        await viewer.send(control("replay_pause"))
        await until(lambda: "invalid message 4 of client" in caplog.text)
    assert [(control.command, control.fields) for control in controls] == [
        ("replay_seek", {"frames": -1}),
        ("replay_pause", {"paused": None}),
    ]
    assert controls[0].client.sink == "browser"
    assert ": position_s is 1000" in caplog.text


async def test_a_client_that_asks_for_a_receipt_gets_one(caplog: pytest.LogCaptureFixture) -> None:
    """Whether its command was accepted, and if not, why; between the envelopes, and nobody else gets it."""
    controls: list[Control] = []
    async with on_air() as running:
        running.kernel.bus.connect("control", controls.append)
        async with connect(running.url) as asker, connect(running.url) as other:
            await until(lambda: running.totals.connected == 2)
            for number, command in enumerate(("browse", "dance", "browse")):
                await asker.send(control(command, receipt=number))
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


EMOJIS = ("heart", "star")


@pytest.mark.parametrize(
    ("command", "sent", "added"),
    [
        ("browse", {}, {"browse_step": 0}),
        ("browse", {"browse_step": -2}, {}),
        ("activate", {}, {}),
        ("alternate_activate", {"browse_step": 1}, {}),
        ("sensor_update", {"sensor_key": "t", "sensor_value": 1.5}, {"clear": False}),
        ("sensor_update", {"sensor_key": "t", "clear": True}, {}),
        ("text_update", {"text": ""}, {"clear": False}),
        ("text_update", {"clear": True}, {}),
        ("image_update", {"image_base64": "eA==", "image_mime_type": "image/png"}, {"clear": False}),
        ("image_update", {"image_base64": "x" * 2_000_000}, {"clear": False}),
        ("emoji_update", {"emoji": "star"}, {}),
    ],
)
def test_a_valid_command_gets_its_defaults(command: str, sent: dict[str, Any], added: dict[str, Any]) -> None:
    """Each command of the wire is accepted, as text and as UTF-8 bytes."""
    message, expected = control(command, **sent), (command, {"browse_step": 0, **sent, **added})
    assert parse(message, EMOJIS) == parse(message.encode(), EMOJIS) == expected


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "not a JSON object"),
        ('{"kind": "frame", "command": "browse"}', "kind is 'frame'"),
        ('{"command": "browse"}', "kind is None"),
        (control("dance"), "command is 'dance'"),
        (control(["browse"]), "command is"),
        (control("browse", browse_step="1"), "browse_step"),
        (control("browse", browse_step=True), "browse_step"),
        (control("browse", browse_step=1.0), "browse_step"),
        (control("sensor_update", sensor_value=1), "sensor_key"),
        (control("sensor_update", sensor_key="", sensor_value=1), "sensor_key"),
        (control("sensor_update", sensor_key="t"), "sensor_value"),
        (control("sensor_update", sensor_key="t", sensor_value=True), "sensor_value"),
        (control("sensor_update", sensor_key="t", sensor_value=float("nan")), "sensor_value"),
        (control("sensor_update", sensor_key="t", sensor_value=1, clear=1), "clear"),
        (control("text_update"), "text is"),
        (control("image_update", image_base64=""), "image_base64"),
        (control("image_update", image_base64="x" * 2_000_001), "2000001 characters"),
        (control("image_update", image_base64="x", image_mime_type=3), "image_mime_type"),
        (control("emoji_update", emoji="dragon"), "not one of heart, star"),
        (control("replay_seek"), "exactly one of position_s, offset_s, frames"),
        (control("replay_seek", position_s=10**400), "position_s is 1000"),
        (control("replay_speed", speed=0), "not a number from 0.1"),
        (control("replay_pause", paused="yes"), "paused is 'yes'"),
        (control("replay_dance"), "emoji_update, replay_pause, replay_speed, replay_seek"),
    ],
)
def test_anything_else_is_refused_with_the_reason(message: str | bytes, why: str) -> None:
    """In one error, also for the commands of a source, which checks their fields."""
    with pytest.raises(InvalidControl, match=why):
        parse(message, EMOJIS, COMMANDS)


def test_commands_of_sources_are_known_while_they_run() -> None:
    """With the fields that the source's check returns."""
    message = control("replay_seek", offset_s=-5)
    assert parse(message, EMOJIS, COMMANDS) == ("replay_seek", {"offset_s": -5.0})
    assert parse(control("browse"), EMOJIS, COMMANDS) == ("browse", {"browse_step": 0})
    with pytest.raises(InvalidControl, match="command is 'replay_seek', not one of browse"):
        parse(message, EMOJIS)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
FIELDS = [
    *("kind", "command", "browse_step", "sensor_key", "sensor_value", "text", "image_base64", "clear"),
    *("emoji", "position_s", "speed"),
]


@given(
    st.binary()
    | st.text()
    | st.dictionaries(
        st.sampled_from(FIELDS),
        JSON | st.sampled_from(["control", "sensor_update", "replay_seek", "replay_speed"]),
    ).map(json.dumps)
)
def test_no_message_raises_anything_else(message: str | bytes) -> None:
    """Random bytes, text and near-valid objects are accepted or refused."""
    try:
        command, fields = parse(message, EMOJIS, COMMANDS)
    except InvalidControl:
        return
    assert command
    assert command in COMMANDS or "browse_step" in fields


@pytest.mark.parametrize(
    ("number", "messages"),
    [
        (7, ('{"kind": "control", "command": "browse", "receipt": 7}',)),
        (7, ('{"receipt": 7, "browse_step": ' + "9" * 5000 + "}",)),
        (0, (b'{"receipt": 0}',)),
        (2**53 - 1, ('{"receipt": 9007199254740991}',)),
        (None, ('{"receipt": 9007199254740992}', '{"receipt": -1}', '{"receipt": ' + "9" * 5000 + "}")),
        (None, ('{"receipt": 1.0}', '{"receipt": true}', '{"receipt": "7"}', '["receipt", 7]')),
        (None, ('{"command": "browse"}', '{"text": "\\"receipt\\": 7"}', '{"receipt": 7', b'\xff"receipt"')),
        (None, ("[" * 100_000 + '"receipt"',)),
    ],
)
def test_a_number_asks_for_a_receipt(number: int | None, messages: tuple[str | bytes, ...]) -> None:
    """One that every client can represent exactly; no message raises anything."""
    assert [receipt_wanted(message) for message in messages] == [number] * len(messages)


def test_a_receipt_is_short() -> None:
    """However long the error is."""
    assert len(receipt(2**53 - 1, "ü" * 100_000)) < 1500
    assert json.loads(receipt(1, "\ud800"))["error"] == "\ud800"
