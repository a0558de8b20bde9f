"""The relay's peers: nats-py and nothing else, publishing or subscribing.

    python -m tests.bench.relay_bare publish|subscribe URL SIZE RATE

prints `{"ready": PID}` and answers each line on standard input with one of JSON, as `tests.bench.load` does:
`begin` counts and times from here, `stats` tells, and `stop`, or the end of its input, ends it. The last 8
bytes of a message are the wall clock in nanoseconds when it was published.
"""

import asyncio
import json
import os
import sys
import time
from typing import Any

from tests.bench.wire import Samples

_SUBJECT = "bare.frame"


async def publish(client: Any, size: int, rate_hz: float) -> None:
    """Publish on time, for ever."""
    body = bytes(size - 8)
    due_s = time.monotonic()
    while True:
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        await client.publish(_SUBJECT, body + time.time_ns().to_bytes(8, "little", signed=True))
        due_s += 1 / rate_hz


async def subscribe(client: Any, samples: Samples) -> None:
    """Note how old each message is."""

    async def note(message: Any) -> None:
        samples.add(time.time_ns() - int.from_bytes(message.data[-8:], "little", signed=True))

    await client.subscribe(_SUBJECT, cb=note)
    await client.flush()
    await asyncio.Event().wait()


async def main() -> None:
    """Run until told otherwise."""
    from nats.aio.client import Client

    role, url, size, rate_hz = sys.argv[1:]
    client: Any = Client()  # the library does not tell all of the types
    await client.connect(url)
    samples = Samples()
    work = publish(client, int(size), float(rate_hz)) if role == "publish" else subscribe(client, samples)
    task = asyncio.create_task(work)
    print(json.dumps({"ready": os.getpid()}), flush=True)
    loop = asyncio.get_running_loop()
    while line := (await loop.run_in_executor(None, sys.stdin.readline)).strip():
        if line == "stop":
            break
        if line == "begin":
            samples.clear()
        print(json.dumps({"latency": samples.figures()}), flush=True)
    task.cancel()
    await client.close()


if __name__ == "__main__":
    asyncio.run(main())
