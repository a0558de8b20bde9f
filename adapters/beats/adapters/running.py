"""Running a kernel beside a program: in a thread of its own, or in the program's event loop."""

import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

import anyio
from anyio.from_thread import start_blocking_portal
from anyio.lowlevel import EventLoopToken, current_token

from beats.kernel.errors import StartError
from beats.kernel.kernel import Kernel


@contextmanager
def in_thread(kernel: Kernel) -> Generator[EventLoopToken]:
    """Run a kernel in a thread with an event loop of its own until the block ends.

    However the block ends, the kernel ends in order and the thread is joined; a KeyboardInterrupt while
    that goes on cuts it short. Gives the token with which other threads can run something in that loop.

    Raises:
        StartError: a sink could not start; nothing is left running.
    """
    loop: object = None
    try:
        with start_blocking_portal("asyncio") as portal:
            token = portal.call(current_token)
            loop = token.native_token
            running, _ = portal.start_task(kernel.run)
            try:
                yield token
            finally:
                kernel.stop()
                try:
                    running.result()
                except BaseException:
                    running.cancel()
                    raise
    finally:
        _join_workers(loop)


@asynccontextmanager
async def in_this_loop(kernel: Kernel) -> AsyncGenerator[None]:
    """Run a kernel in the running event loop until the block ends; cancellation cuts its end short.

    Raises:
        StartError: a sink could not start; nothing is left running.
    """
    problem: BaseException | None = None
    async with anyio.create_task_group() as group:
        try:
            await group.start(kernel.run)
        except StartError as error:
            problem = error
        else:
            try:
                yield
            except (Exception, KeyboardInterrupt, SystemExit) as error:
                problem = error  # raised below, not wrapped in the task group's exception group
            kernel.stop()
    if problem is not None:
        raise problem


def _join_workers(loop: object) -> None:
    """Wait for anyio's worker threads of a loop that has ended: it has told them to end, not waited."""
    for thread in threading.enumerate():
        if loop is not None and getattr(thread, "loop", None) is loop:
            thread.join()
