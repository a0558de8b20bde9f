"""Runs a kernel next to a program: in a separate thread, or in the program's event loop."""

import asyncio
import contextvars
import os
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final, Protocol, TypeVar, TypeVarTuple

import anyio
from anyio import from_thread
from anyio.abc import TaskStatus
from anyio.lowlevel import EventLoopToken, current_token

from beats.kernel.errors import ClosedError, StartError
from beats.kit.event_loop import Wanted, run

_T = TypeVar("_T")
_Args = TypeVarTuple("_Args")


class Runnable(Protocol):
    """A kernel, or a host of one."""

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        """Run until the end; raises StartError if a sink cannot start."""
        ...

    def stop(self) -> None:
        """Ask for an orderly end; returns at once."""
        ...


class WhenStarted(TaskStatus[None]):
    """Calls a function when the kernel that gets this has started."""

    def __init__(self, then: Callable[[], object]) -> None:
        self._then: Final = then

    def started(self, value: None = None) -> None:
        """Call it."""
        self._then()


class KernelThread:
    """Runs a kernel in a thread with its own event loop.

    The thread and the loop's worker threads are daemons, so a program that never closes it can end.
    """

    def __init__(self, kernel: Runnable, event_loop: Wanted = "auto") -> None:
        """Prepare only; `event_loop` says which event loop to run the kernel in."""
        self._kernel: Final = kernel
        self._event_loop: Final[Wanted] = event_loop
        self._loop: Final[Future[tuple[asyncio.AbstractEventLoop, anyio.CancelScope]]] = Future()
        self._started: Final[Future[EventLoopToken]] = Future()
        self._ended: Final[Future[None]] = Future()
        self._thread: Final = threading.Thread(target=self._work, name="beats", daemon=True)

    def start(self) -> EventLoopToken:
        """Start the kernel; returns the token with which other threads can call into its event loop.

        Raises:
            StartError: a sink could not start; nothing is left running.
        """
        self._thread.start()
        try:
            return self._started.result()
        except BaseException:
            self._cancel()
            raise

    def close(self) -> None:
        """End the kernel in order and join the thread; KeyboardInterrupt skips the orderly end.

        Raises:
            RuntimeError: called in the event loop's own thread, which would wait for itself.
        """
        if threading.current_thread() is self._thread:
            raise RuntimeError(
                "this call waits for the event loop that it is made in: make it in another thread"
            )
        self._kernel.stop()
        try:
            self._ended.result()
        except BaseException:
            self._cancel()
            raise
        self._join()

    def _cancel(self) -> None:
        """End the kernel at once, and join the thread."""
        loop, scope = self._loop.result()
        with suppress(RuntimeError):  # it has ended
            loop.call_soon_threadsafe(scope.cancel)
        self._join()

    def _join(self) -> None:
        self._thread.join()
        _join_workers(self._loop.result()[0])

    def _work(self) -> None:
        try:
            # In an empty context: in the caller's context anyio may find another event loop.
            contextvars.Context().run(self._run)
        except BaseException as error:
            for future in (self._loop, self._started, self._ended):
                if not future.done():
                    future.set_exception(error)
        else:
            self._ended.set_result(None)

    def _run(self) -> None:
        _let_the_program_go_on()
        run(self._main, event_loop=self._event_loop)

    async def _main(self) -> None:
        with anyio.CancelScope() as scope:
            self._loop.set_result((asyncio.get_running_loop(), scope))
            token = current_token()
            await self._kernel.run(task_status=WhenStarted(lambda: self._started.set_result(token)))


def _let_the_program_go_on() -> None:
    """Have this thread start its work without interrupting the thread that wakes it, on Linux.

    A program that has drawn for some milliseconds has used more than its share of the processor: the
    scheduler stops it in the middle of its call, in favour of the thread that the call has just woken, unless
    that thread asks for SCHED_BATCH (sched(7)), as do then the threads and processes that begin in it. A
    policy that somebody has chosen for the program stays.
    """
    if sys.platform == "linux" and os.sched_getscheduler(0) == os.SCHED_OTHER:
        with suppress(OSError):  # forbidden, as in some sandboxes: the program only waits longer
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


@contextmanager
def in_thread(kernel: Runnable) -> Generator[EventLoopToken]:
    """Run a kernel in a thread until the block ends."""
    thread = KernelThread(kernel)
    token = thread.start()
    try:
        yield token
    finally:
        thread.close()


@asynccontextmanager
async def in_this_loop(kernel: Runnable, ended: anyio.Event | None = None) -> AsyncGenerator[None]:
    """Run a kernel in the running event loop until the block ends; cancellation skips the orderly end.

    Args:
        kernel: what to run.
        ended: set when it has ended, which may be before the block does.

    Raises:
        StartError: a sink could not start; nothing is left running.
    """
    problem: BaseException | None = None

    async def run(*, task_status: TaskStatus[None]) -> None:
        try:
            await kernel.run(task_status=task_status)
        finally:
            if ended is not None:
                ended.set()

    async with anyio.create_task_group() as group:
        try:
            await group.start(run)
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
    token: EventLoopToken, function: Callable[[*_Args], Coroutine[Any, Any, _T]], *args: *_Args
) -> _T:
    """Run a coroutine function in another thread's event loop, and wait for its result.

    Raises:
        RuntimeError: called in that loop's own thread, which would wait for itself.
        ClosedError: the loop has ended.
    """
    refuse_here(token)
    try:
        return from_thread.run(function, *args, token=token)
    except anyio.RunFinishedError:
        raise ClosedError("the stream is closed: call this while it is open") from None


def refuse_here(token: EventLoopToken) -> None:
    """Raise RuntimeError in an event loop's own thread, where a call that waits would wait for itself."""
    try:
        here: object = current_token().native_token
    except RuntimeError:  # no event loop runs in this thread
        return
    if here is token.native_token:
        raise RuntimeError(
            "this call waits, and would wait for itself here: await it, or call it in a thread"
        )


def _join_workers(loop: object) -> None:
    """Wait for anyio's worker threads of an ended loop: anyio tells them to end, but does not wait."""
    for thread in threading.enumerate():
        if loop is not None and getattr(thread, "loop", None) is loop:
            thread.join()
