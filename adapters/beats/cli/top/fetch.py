"""Asks a server for its counters."""

import http.client
import io
import socket
import ssl
from http import HTTPStatus
from typing import Final, cast

import anyio
from anyio import to_thread

from beats.cli.address import Address
from beats.cli.failures import reason
from beats.cli.printable import printable
from beats.cli.top.answer import Sample, read
from beats.kernel.run.supervisor import sole

TIMEOUT_S: Final = 5.0
"""For a whole answer: a server that takes longer is not to be reached, as far as anyone can tell."""
_MOST_BYTES: Final = 64 * 1024 * 1024
"""Far above what ten thousand viewers make."""
_SHOWN: Final = 200
_NOT_BEATS: Final = "it is not a Beats server, or one from before there was `beats top`"


class FetchError(Exception):
    """There is no answer; the text says why."""

    def __init__(self, text: str, *, lasting: bool) -> None:
        super().__init__(text)
        self.lasting: Final = lasting
        """Whether asking again would bring the same."""


async def fetch(address: Address, context: ssl.SSLContext | None) -> Sample:
    """The counters now.

    Raises:
        FetchError: they cannot be had.
    """
    try:
        with anyio.fail_after(TIMEOUT_S):
            raw = await _exchange(address, context)
    except TimeoutError:
        raise FetchError(f"no answer within {TIMEOUT_S:g} s", lasting=False) from None
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        hint = "" if context is None else "; if it is not encrypted, say ws://"
        raise FetchError(f"it ended the connection{hint}", lasting=False) from None
    except OSError as error:
        raise FetchError(reason(error), lasting=isinstance(sole(error), ssl.SSLError)) from None
    # With thousands of viewers it takes so long that a person would wait for keys.
    return await to_thread.run_sync(_parsed, raw)


async def _exchange(address: Address, context: ssl.SSLContext | None) -> bytes:
    """Send the request, and read until the other side ends the connection."""
    lines = [f"GET {address.stats_target} HTTP/1.1", f"Host: {address.authority}", "Connection: close"]
    lines += [
        f"{name}: {value}" for name, value in {"Accept": "application/json", **address.headers()}.items()
    ]
    request = "\r\n".join([*lines, "", ""]).encode("ascii")
    # `tls_standard_compatible`: servers end a connection without the farewell that TLS has for it.
    stream = await (
        anyio.connect_tcp(address.host, address.port)
        if context is None
        else anyio.connect_tcp(address.host, address.port, ssl_context=context, tls_standard_compatible=False)
    )
    raw = bytearray()
    async with stream:
        await stream.send(request)
        try:
            while len(raw) <= _MOST_BYTES:
                raw += await stream.receive()
        except anyio.EndOfStream:
            return bytes(raw)
    raise FetchError(f"more than {_MOST_BYTES >> 20} MiB came: {_NOT_BEATS}", lasting=True)


def _parsed(raw: bytes) -> Sample:
    """The standard library reads the bytes as if they came from a socket."""
    response = http.client.HTTPResponse(cast("socket.socket", _Received(raw)), method="GET")
    try:
        response.begin()
        body = response.read()
    except (http.client.HTTPException, ValueError) as error:
        if not raw:
            raise FetchError("no answer; if it is encrypted, say wss://", lasting=False) from None
        if isinstance(error, http.client.IncompleteRead):
            raise FetchError("the connection ended in the middle of its answer", lasting=False) from None
        raise FetchError(f"no HTTP came: {_NOT_BEATS}", lasting=True) from None
    if response.status != HTTPStatus.OK:
        raise _refused(response, body)
    try:
        return read(body)
    except ValueError as error:
        why = printable(str(error)[:_SHOWN])
        raise FetchError(f"its answer cannot be read ({why}): {_NOT_BEATS}", lasting=True) from None


def _refused(response: http.client.HTTPResponse, body: bytes) -> FetchError:
    status = response.status
    is_text = (response.getheader("Content-Type") or "").startswith("text/plain")
    said = printable(body[:_SHOWN].decode(errors="replace").strip()) if is_text else ""
    text = f"HTTP {status}" + (f": {said}" if said else "")
    if status == HTTPStatus.UNAUTHORIZED:
        text += " Give it with --token, or in BEATS_TOKEN."
    elif status in (HTTPStatus.NOT_FOUND, HTTPStatus.UPGRADE_REQUIRED) or status < 400:
        text += f": {_NOT_BEATS}"
    lasting = status < 500 and status != HTTPStatus.TOO_MANY_REQUESTS
    return FetchError(text, lasting=lasting)


class _Received:
    """What `http.client` wants of a socket."""

    def __init__(self, raw: bytes) -> None:
        self._raw: Final = raw

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._raw)
