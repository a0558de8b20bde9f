"""What comes from clients."""

import logging
from contextlib import suppress

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from beats.kernel.envelope import Control
from tests.adapters.sinks.websocket.support import on_air, receive, settings, until

pytestmark = pytest.mark.anyio
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
