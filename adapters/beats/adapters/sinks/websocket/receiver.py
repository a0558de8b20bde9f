"""What comes from a client: commands."""

import logging
from collections.abc import Callable, Mapping

from websockets.exceptions import ConnectionClosed

from beats.adapters.sinks.websocket.client import Client
from beats.adapters.sinks.websocket.control import InvalidControl, parse, receipt, receipt_wanted
from beats.adapters.sinks.websocket.settings import WebSocketSettings
from beats.kernel.capabilities import CommandCheck
from beats.kernel.envelope import Control
from beats.kit.throttled_log import ThrottledLog

log = logging.getLogger(__name__)


async def listen_to(
    client: Client,
    settings: WebSocketSettings,
    control: Callable[[Control], None],
    commands: Mapping[str, CommandCheck],
    reports: ThrottledLog,
) -> None:
    """Pass a client's valid commands on until it leaves.

    What is not valid, or not this client's to say, is ignored and counted. How fast they may come, the
    connection sees to. A message with a number as its `receipt` is answered with one, whatever became of it.
    """
    try:
        async for message in client.connection:
            error = _obey(client, message, settings, control, commands)
            if error is not None:
                _ignore(client, error, reports)
            if (number := receipt_wanted(message)) is not None:
                client.tell(receipt(number, error))
    except ConnectionClosed:
        pass  # how it ended is the client's business


def _obey(
    client: Client,
    message: str | bytes,
    settings: WebSocketSettings,
    control: Callable[[Control], None],
    commands: Mapping[str, CommandCheck],
) -> str | None:
    """Pass a command on; what is wrong with it if it is not passed on."""
    try:
        command, fields = parse(message, settings.emojis, commands)
    except InvalidControl as error:
        return str(error)
    if not client.connection.rights.steer:
        return "it may watch, not steer, without the control token"
    control(Control(command, fields, client.identity))
    return None


def _ignore(client: Client, reason: str, reports: ThrottledLog) -> None:
    client.invalid_messages += 1
    text = f"message {client.invalid_messages} from client {client.identity.remote} ignored: {reason}"
    if client.invalid_messages == 1:
        reports.add("clients with invalid messages", text)
    else:
        log.debug("sink %r: %s", client.identity.sink, text)
