"""Running a kernel beside a program: in a thread of its own, or in the program's event loop."""

import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar, TypeVarTuple

import anyio
from anyio import from_thread
from anyio.from_thread import start_blocking_portal
from anyio.lowlevel import EventLoopToken, current_token

from beats.kernel.errors import ClosedError, StartError
from beats.kernel.kernel import Kernel

_T = TypeVar("_T")
_Args = TypeVarTuple("_Args")


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


def in_loop_of(
    token: EventLoopToken,
    function: Callable[[*_Args], Coroutine[Any, Any, _T]],
    *args: *_Args,
) -> _T:
    """Run a coroutine function in the event loop of a token, from any other thread, and wait for it.

    Raises:
        RuntimeError: called in that loop's own thread, which would wait for itself.
        ClosedError: the loop has ended.
    """
    try:
        here: object = current_token().native_token
    except RuntimeError:  # no event loop runs in this thread
        here = None
    if here is token.native_token:
        raise RuntimeError(
            "this call waits, and would wait for itself here: await it, or call it in a thread"
        )
    try:
        return from_thread.run(function, *args, token=token)
    except anyio.RunFinishedError:
        raise ClosedError("the stream is closed: call this while it is open") from None


def _join_workers(loop: object) -> None:
    """Wait for anyio's worker threads of a loop that has ended: it has told them to end, not waited."""
    for thread in threading.enumerate():
        if loop is not None and getattr(thread, "loop", None) is loop:
            thread.join()
