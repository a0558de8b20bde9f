"""A robot's sensors from asyncio: several tasks publish, and viewers steer."""

import asyncio
import math
import time
from contextlib import suppress

from beats.app import AsyncStream, Location, Stream, Tag


async def odometry(stream: AsyncStream, speed: dict[str, float]) -> None:
    """Position, 50 times a second."""
    x = heading = 0.0
    while True:
        heading += 0.01
        x += speed["m_s"] * math.cos(heading) / 50
        await stream.publish_peripheral("odometry", {"x_m": round(x, 3), "heading_rad": round(heading, 3)})
        await asyncio.sleep(1 / 50)


async def battery(stream: AsyncStream) -> None:
    """Voltage, once a second, with where it is and what kind of thing it is."""
    while True:
        volts = 24.0 - (time.monotonic() % 600) / 600
        here, kind = Location(0.2, 0.0, 0.1), [Tag("sensor")]
        await stream.publish_peripheral("battery", {"volts": round(volts, 2)}, tags=kind, location=here)
        await asyncio.sleep(1)


async def main() -> None:
    """Run until Ctrl-C."""
    speed = {"m_s": 0.5}
    async with Stream.open() as stream:
        print(f"open {stream.sinks['browser'].address.page_url}", flush=True)
        stream.on_control(lambda control: speed.update(m_s=0.0 if speed["m_s"] else 0.5))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(odometry(stream, speed))
            tasks.create_task(battery(stream))


with suppress(KeyboardInterrupt):
    asyncio.run(main())
