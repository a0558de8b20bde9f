"""Reads the stream of a server, message by message."""

import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from http import HTTPStatus
from typing import Any, Final

import anyio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from beats.cli.failures import reason
from beats.cli.printable import printable
from beats.cli.tap.item import Notice
from beats.kernel.run.supervisor import Backoff

BACKOFF: Final = Backoff(initial_s=0.5, max_s=5.0)
_MOST_BYTES: Final = 256 * 1024 * 1024
"""The largest message: four times the default size of a sink's queue."""
_OPEN_TIMEOUT_S: Final = 10.0
_CLOSE_TIMEOUT_S: Final = 1.0
_SHOWN: Final = 200


class StreamError(Exception):
    """The stream ended, or could not be opened; the text says why."""

    def __init__(self, text: str, *, lasting: bool = False) -> None:
        super().__init__(text)
        self.lasting: Final = lasting
        """Whether another attempt would fail in the same way."""


class _Direct(connect):
    """Never follows redirects: a token is for one server."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def messages(
    url: str, headers: dict[str, str], context: ssl.SSLContext | None
) -> AsyncGenerator[str | bytes]:
    """Yield every message. The server handles a slow reader as any slow viewer.

    Raises:
        StreamError: the connection failed, or ended.
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
        raise _refused(error) from None
    except TimeoutError:
        raise StreamError(f"no answer within {_OPEN_TIMEOUT_S:g} s") from None
    except InvalidHandshake:
        raise StreamError("it is not a Beats server: no WebSocket there", lasting=True) from None
    except OSError as error:
        raise StreamError(reason(error), lasting=isinstance(error, ssl.SSLError)) from None
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
        StreamError: the server refuses, and would refuse again.
    """
    failures = 0
    while True:
        try:
            async with aclosing(attempt()) as found:
                async for message in found:
                    failures = 0
                    yield message
        except StreamError as error:
            if error.lasting:
                raise
            failures += 1
            pause_s = BACKOFF.delay_s(failures)
            yield Notice(f"{error}; reconnecting in {pause_s:g} s")
            await anyio.sleep(pause_s)


def _refused(error: InvalidStatus) -> StreamError:
    response = error.response
    status = response.status_code
    is_text = response.headers.get("Content-Type", "text/plain").startswith("text/plain")
    answer = (
        printable(bytes(response.body or b"")[:_SHOWN].decode(errors="replace").strip()) if is_text else ""
    )
    text = f"HTTP {status}" + (f": {answer}" if answer else "")
    if status == HTTPStatus.UNAUTHORIZED:
        text += " Give it with --token, or in BEATS_TOKEN."
    elif status < 400 or status == HTTPStatus.NOT_FOUND:
        text += ": it is not a Beats server: no WebSocket there"
    return StreamError(text, lasting=status < 500 and status != HTTPStatus.TOO_MANY_REQUESTS)


def _ended(error: ConnectionClosed) -> StreamError:
    if error.rcvd is not None and (error.rcvd_then_sent or error.sent is None):
        return StreamError(f"the server closed the stream: {printable(str(error.rcvd))}")
    if error.sent is not None:
        return StreamError(f"the stream was closed here: {printable(str(error.sent))}")
    return StreamError("the connection was lost (1006, no close frame)")
