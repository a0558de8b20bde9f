"""Asks a server again and again."""

import ssl
import time
from collections.abc import AsyncGenerator
from typing import Final, NamedTuple

import anyio

from beats.cli.address import Address
from beats.cli.top.answer import Sample
from beats.cli.top.fetch import FetchError, fetch
from beats.kernel.run.supervisor import Backoff

BACKOFF: Final = Backoff(initial_s=0.5, max_s=5.0)


class Failure(NamedTuple):
    """No answer, once more."""

    error: FetchError
    in_a_row: int
    retry_s: float
    """After so many seconds."""


async def samples(
    address: Address, context: ssl.SSLContext | None, interval_s: float
) -> AsyncGenerator[Sample | Failure]:
    """Every answer, and every time that there is none; never ends.

    Answers come `interval_s` apart, however long each takes. After a failure the pauses grow.
    """
    failures = 0
    due_s = time.monotonic()
    while True:
        try:
            found: Sample | Failure = await fetch(address, context)
            failures = 0
            due_s = max(due_s + interval_s, time.monotonic())
        except FetchError as error:
            failures += 1
            pause_s = max(interval_s, BACKOFF.delay_s(failures))
            found = Failure(error, failures, pause_s)
            due_s = time.monotonic() + pause_s
        yield found
        await anyio.sleep(max(0.0, due_s - time.monotonic()))
