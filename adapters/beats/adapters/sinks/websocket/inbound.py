"""What comes from a client: commands, within an allowance."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from websockets.exceptions import ConnectionClosed

from beats.adapters.sinks.websocket.client import Client
from beats.adapters.sinks.websocket.control import InvalidControl, parse
from beats.adapters.sinks.websocket.rate import Allowance
from beats.adapters.sinks.websocket.settings import WebSocketSettings
from beats.kernel.abilities import CommandCheck
from beats.kernel.envelope import Control

log = logging.getLogger(__name__)


async def listen_to(
    client: Client,
    settings: WebSocketSettings,
    control: Callable[[Control], None],
    commands: Mapping[str, CommandCheck],
) -> None:
    """Pass a client's valid commands on until it leaves.

    What is not valid, or not this client's to say, is ignored and counted. More messages than
    `max_messages_per_s` close the connection with code 1008 (policy violation).
    """
    loop = asyncio.get_running_loop()
    allowance = Allowance(settings.max_messages_per_s, loop.time())
    try:
        async for message in client.connection:
            if not allowance.take(loop.time()):
                rate = f"more than {settings.max_messages_per_s:g} messages a second"
                await client.connection.close(1008, rate)
                return
            try:
                command, fields = parse(message, settings.emojis, commands)
            except InvalidControl as error:
                _ignore(client, str(error))
                continue
            if client.connection.rights.steer:
                control(Control(command, fields, client.identity))
            else:
                _ignore(client, "it may watch, not steer, without the control token")
    except ConnectionClosed:
        pass  # how it ended is the client's business


def _ignore(client: Client, reason: str) -> None:
    client.invalid_messages += 1
    log.log(
        logging.WARNING if client.invalid_messages == 1 else logging.DEBUG,
        "sink %r: message %d from client %s ignored: %s",
        client.identity.sink,
        client.invalid_messages,
        client.identity.remote,
        reason,
    )
