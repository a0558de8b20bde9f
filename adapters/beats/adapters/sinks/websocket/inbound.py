"""What comes from a client: commands."""

import logging
from collections.abc import Callable, Mapping

from websockets.exceptions import ConnectionClosed

from beats.adapters.reports import Reports
from beats.adapters.sinks.websocket.client import Client
from beats.adapters.sinks.websocket.control import InvalidControl, parse
from beats.adapters.sinks.websocket.settings import WebSocketSettings
from beats.kernel.abilities import CommandCheck
from beats.kernel.envelope import Control

log = logging.getLogger(__name__)


async def listen_to(
    client: Client,
    settings: WebSocketSettings,
    control: Callable[[Control], None],
    commands: Mapping[str, CommandCheck],
    reports: Reports,
) -> None:
    """Pass a client's valid commands on until it leaves.

    What is not valid, or not this client's to say, is ignored and counted. How fast they may come, the
    connection sees to.
    """
    try:
        async for message in client.connection:
            try:
                command, fields = parse(message, settings.emojis, commands)
            except InvalidControl as error:
                _ignore(client, str(error), reports)
                continue
            if client.connection.rights.steer:
                control(Control(command, fields, client.identity))
            else:
                _ignore(client, "it may watch, not steer, without the control token", reports)
    except ConnectionClosed:
        pass  # how it ended is the client's business


def _ignore(client: Client, reason: str, reports: Reports) -> None:
    client.invalid_messages += 1
    text = f"message {client.invalid_messages} from client {client.identity.remote} ignored: {reason}"
    if client.invalid_messages == 1:
        reports.add("clients with invalid messages", text)
    else:
        log.debug("sink %r: %s", client.identity.sink, text)
