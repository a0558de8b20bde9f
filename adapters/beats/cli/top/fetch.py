"""Asks a server for its counters, once or again and again, and checks what it answers."""

import http.client
import io
import json
import math
import socket
import ssl
import time
from collections.abc import AsyncGenerator
from http import HTTPStatus
from typing import Final, NamedTuple, NoReturn, cast

import anyio
from anyio import to_thread
from pydantic import BaseModel, ConfigDict, ValidationError

from beats.cli.address import ServerAddress
from beats.cli.failures import BACKOFF, ServerError, refusal, unreachable
from beats.cli.printable import printable
from beats.kit.stats_json import ParsedStats

_MOST: Final = 2**64


class _Checked(BaseModel):
    """A part of an answer; fields added by newer servers are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ServerProcess(_Checked):
    """The resources used by the server's process, or by one of several."""

    name: str = ""
    """Which one of several, such as `worker 1`."""
    pid: int
    cpu_s: float
    rss_bytes: int | None = None
    open_files: int | None = None


class Answer(_Checked):
    """An answer."""

    beats: str
    profile: str
    time_unix_ns: int
    uptime_s: float
    process: ServerProcess
    stats: ParsedStats


class Sample(NamedTuple):
    """An answer, as JSON and parsed."""

    document: dict[str, object]
    answer: Answer


def read(body: bytes) -> Sample:
    """Parse an answer.

    Raises:
        ValueError: the text is not an answer of a server; says why.
    """
    try:
        document: object = json.loads(
            body, parse_int=_whole, parse_float=_finite, parse_constant=_out_of_range
        )
    except _RangeError:
        raise
    except (ValueError, RecursionError):
        raise ValueError("no JSON") from None
    if not isinstance(document, dict):
        raise ValueError("no object")  # noqa: TRY004 - the text is wrong, not its type
    try:
        answer = Answer.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{where}: {first['msg']}") from None
    return Sample(document, answer)  # pyright: ignore[reportUnknownArgumentType]  # JSON keys are strings


class _RangeError(ValueError):
    """A number that cannot be shown or calculated with."""


def _whole(text: str) -> int:
    number = int(text) if len(text) < len(str(_MOST)) + 1 else _MOST
    return number if -_MOST < number < _MOST else _out_of_range(text)


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _out_of_range(text)


def _out_of_range(text: str) -> NoReturn:
    raise _RangeError(f"the number {text:.20} is out of range")


TIMEOUT_S: Final = 5.0
"""Longest wait for a whole answer."""
_MOST_BYTES: Final = 64 * 1024 * 1024
"""Largest answer, far above that with ten thousand viewers."""
_SHOWN: Final = 200
_NOT_BEATS: Final = "it is not a Beats server, or one older than `beats top`"


async def fetch(address: ServerAddress, context: ssl.SSLContext | None) -> Sample:
    """Request the current counters.

    Raises:
        ServerError: there is no usable answer.
    """
    try:
        with anyio.fail_after(TIMEOUT_S):
            raw = await _exchange(address, context)
    except TimeoutError:
        raise ServerError(f"no answer within {TIMEOUT_S:g} s", lasting=False) from None
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        hint = "" if context is None else "; if it is not encrypted, say ws://"
        raise ServerError(f"it ended the connection{hint}", lasting=False) from None
    except OSError as error:
        raise unreachable(error) from None
    # In a thread: with thousands of viewers it takes so long that keys would respond late.
    return await to_thread.run_sync(_parsed, raw)


async def _exchange(address: ServerAddress, context: ssl.SSLContext | None) -> bytes:
    """Send the request, and read until the server closes the connection."""
    lines = [f"GET {address.stats_target} HTTP/1.1", f"Host: {address.authority}", "Connection: close"]
    lines += [
        f"{name}: {value}" for name, value in {"Accept": "application/json", **address.headers()}.items()
    ]
    request = "\r\n".join([*lines, "", ""]).encode("ascii")
    # `tls_standard_compatible`: servers close connections without the closing alert of TLS.
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
    raise ServerError(f"more than {_MOST_BYTES >> 20} MiB came: {_NOT_BEATS}", lasting=True)


def _parsed(raw: bytes) -> Sample:
    """Parse an HTTP response with the standard library, as if its bytes came from a socket."""
    response = http.client.HTTPResponse(cast("socket.socket", _Received(raw)), method="GET")
    try:
        response.begin()
        body = response.read()
    except (http.client.HTTPException, ValueError) as error:
        if not raw:
            raise ServerError("no answer; use wss:// if the server encrypts", lasting=False) from None
        if isinstance(error, http.client.IncompleteRead):
            raise ServerError("the connection ended in the middle of the answer", lasting=False) from None
        raise ServerError(f"the answer is not HTTP: {_NOT_BEATS}", lasting=True) from None
    if response.status != HTTPStatus.OK:
        content_type = response.getheader("Content-Type") or ""
        raise refusal(response.status, content_type, body, _NOT_BEATS)
    try:
        return read(body)
    except ValueError as error:
        why = printable(str(error)[:_SHOWN])
        raise ServerError(f"the answer is invalid ({why}): {_NOT_BEATS}", lasting=True) from None


class _Received:
    """The part of a socket that `http.client` uses."""

    def __init__(self, raw: bytes) -> None:
        self._raw: Final = raw

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._raw)


class Failure(NamedTuple):
    """A failed request."""

    error: ServerError
    in_a_row: int
    retry_s: float
    """The next request follows after this many seconds."""


async def samples(
    address: ServerAddress, context: ssl.SSLContext | None, interval_s: float
) -> AsyncGenerator[Sample | Failure]:
    """Request the counters forever; yields answers and failures.

    Requests start `interval_s` apart, however long each takes. After failures the pauses grow.
    """
    failures = 0
    due_s = time.monotonic()
    while True:
        try:
            found: Sample | Failure = await fetch(address, context)
            failures = 0
            due_s = max(due_s + interval_s, time.monotonic())
        except ServerError as error:
            failures += 1
            pause_s = max(interval_s, BACKOFF.delay_s(failures))
            found = Failure(error, failures, pause_s)
            due_s = time.monotonic() + pause_s
        yield found
        await anyio.sleep(max(0.0, due_s - time.monotonic()))
