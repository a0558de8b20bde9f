"""Reads the stream of a server, message by message."""

import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, Final

import anyio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from beats.cli.failures import BACKOFF, ServerError, refusal, unreachable
from beats.cli.more import More
from beats.cli.printable import printable
from beats.cli.tap.item import Notice

_MOST_BYTES: Final = 256 * 1024 * 1024
"""The largest message: four times the default size of a sink's queue."""
_NOT_BEATS: Final = "it is not a Beats server: no WebSocket there"
_OPEN_TIMEOUT_S: Final = 10.0
_CLOSE_TIMEOUT_S: Final = 1.0


class _Direct(connect):
    """Never follows redirects: a token is for one server."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def messages(
    url: str, headers: dict[str, str], context: ssl.SSLContext | None
) -> AsyncGenerator[str | bytes]:
    """Yield every message. The server handles a slow reader as any slow viewer.

    Raises:
        ServerError: the connection failed, or ended.
    """
    encryption: dict[str, Any] = {} if context is None else {"ssl": context}
    try:
        connection = await _Direct(
            url,
            additional_headers=headers,
            compression=None,
            proxy=None,
            max_size=_MOST_BYTES,
            open_timeout=_OPEN_TIMEOUT_S,
            close_timeout=_CLOSE_TIMEOUT_S,
            **encryption,
        )
    except InvalidStatus as error:
        response = error.response
        content_type = response.headers.get("Content-Type", "text/plain")
        body = bytes(response.body or b"")
        raise refusal(response.status_code, content_type, body, _NOT_BEATS) from None
    except TimeoutError:
        raise ServerError(f"no answer within {_OPEN_TIMEOUT_S:g} s") from None
    except InvalidHandshake:
        raise ServerError(_NOT_BEATS, lasting=True) from None
    except OSError as error:
        raise unreachable(error) from None
    try:
        while True:
            yield await connection.recv()
    except ConnectionClosed as error:
        raise _ended(error) from None
    finally:
        # `async with` would close it as an internal error when the reader stops.
        with anyio.CancelScope(shield=True):  # bounded by `_CLOSE_TIMEOUT_S`
            await connection.close()


async def persistent(
    attempt: Callable[[], AsyncGenerator[str | bytes]],
) -> AsyncGenerator[str | bytes | Notice]:
    """Yield the messages of one stream after the other, with a pause before each new connection.

    Raises:
        ServerError: the server refuses, and would refuse again.
    """
    failures = 0
    while True:
        try:
            async with aclosing(attempt()) as found:
                async for message in found:
                    failures = 0
                    yield message
        except ServerError as error:
            if error.lasting:
                raise
            failures += 1
            pause_s = BACKOFF.delay_s(failures)
            yield Notice(f"{error}; reconnecting in {pause_s:g} s")
            await anyio.sleep(pause_s)


def _ended(error: ConnectionClosed) -> ServerError:
    if error.rcvd is not None and (error.rcvd_then_sent or error.sent is None):
        text = f"the server closed the stream: {printable(str(error.rcvd))}"
        return ServerError(text, more=More.CLOSED)
    if error.sent is not None:
        return ServerError(f"the stream was closed here: {printable(str(error.sent))}")
    return ServerError("the connection was lost (1006, no close frame)", more=More.CLOSED)
