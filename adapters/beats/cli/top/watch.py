"""Shows what a server answers: drawn on a terminal until a person quits, printed elsewhere."""

import json
import os
import signal
import sys
import time
import tty
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Final

import anyio
from rich.console import Console, Group
from rich.live import Live

from beats.cli import keys, output
from beats.cli.failures import ServerError
from beats.cli.top import screen
from beats.cli.top.fetch import Failure, Sample
from beats.cli.top.model import Past, Table
from beats.cli.top.tables import SORTABLE, View
from beats.kit import units

_REDRAW_S: Final = 1.0
_LEAST_S: Final = 0.03
"""Shortest time between two drawings: a held key repeats thirty times a second."""


class Watch:
    """Shows a server on a terminal."""

    def __init__(self, found: AsyncGenerator[Sample | Failure], place: str, console: Console) -> None:
        """Nothing is requested or drawn yet.

        Args:
            found: answers and failures.
            place: the server's address.
            console: on the terminal.
        """
        self._found: Final = found
        self._place: Final = place
        self._console: Final = console
        self._live: Final = Live(
            console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )
        self._view = View()
        self._page = 1
        self._past: Final = Past()
        self._table: Table | None = None
        self._failure: Failure | None = None
        self._seen_s = self._failed_s = time.monotonic()
        self._changed = anyio.Event()

    async def run(self) -> ServerError | None:
        """Draw until `q`, Ctrl-C or SIGTERM; returns a lasting error if there is one before any answer."""
        refused: ServerError | None = None
        async with anyio.create_task_group() as group:
            group.start_soon(keys.obey_signals, group.cancel_scope, self._redraw, self._pause)
            group.start_soon(self._obey_keys, group.cancel_scope)
            group.start_soon(self._draw_again)
            with self._live:
                async with aclosing(self._found) as found:
                    async for each in found:
                        if self._table is None and isinstance(each, Failure) and each.error.lasting:
                            refused = each.error
                            break
                        self._take(each)
                        self._redraw()
                group.cancel_scope.cancel()
        return refused

    def _take(self, found: Sample | Failure) -> None:
        now_s = time.monotonic()
        if isinstance(found, Failure):
            self._failure, self._failed_s = found, now_s
            return
        self._failure, self._seen_s = None, now_s
        self._table = self._past.table(found.answer)

    def _trouble(self) -> str:
        failure = self._failure
        if failure is None:
            return ""
        now_s = time.monotonic()
        retry_s = round(failure.retry_s - (now_s - self._failed_s))
        then = f"again in {retry_s} s" if retry_s > 0 else "asking again"
        return f"silent for {units.age(now_s - self._seen_s)}: {failure.error}; {then}"

    def _redraw(self) -> None:
        self._changed.set()

    async def _draw_again(self) -> None:
        while True:
            with anyio.move_on_after(_REDRAW_S):
                await self._changed.wait()
            self._changed = anyio.Event()
            self._draw()
            await anyio.sleep(_LEAST_S)

    def _draw(self) -> None:
        width, height = self._console.size
        if self._table is None:
            lines = screen.waiting(self._place, self._trouble(), width, height)
        else:
            drawn = screen.draw(self._table, self._place, self._view, self._trouble(), width, height)
            lines, self._view, self._page = drawn
        self._live.update(Group(*lines), refresh=True)

    async def _obey_keys(self, scope: anyio.CancelScope) -> None:
        async with aclosing(keys.pressed()) as pressed:
            async for key in pressed:
                if key == "q":
                    scope.cancel()
                self._view = self._view.pressed(key, SORTABLE, self._page)
                self._redraw()

    def _pause(self) -> None:
        """Ctrl-Z: give the terminal back to the shell until SIGCONT."""
        self._live.stop()
        os.kill(os.getpid(), signal.SIGSTOP)
        with suppress(OSError):  # no terminal, or another job's
            if os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp():
                tty.setcbreak(sys.stdin.fileno())  # some shells reset the mode
        self._live.start()
        self._redraw()


async def print_all(
    found: AsyncGenerator[Sample | Failure], place: str, *, once: bool, as_json: bool
) -> ServerError | None:
    """Print every answer, or one; returns the error that ends it.

    A table has rates, so the first one needs two answers.
    """
    past = Past()
    async with aclosing(found):
        async for each in found:
            if isinstance(each, Failure):
                if once or (each.error.lasting and past.last is None):
                    return each.error
                if each.in_a_row == 1:
                    output.warn(f"{place}: {each.error}; trying again")
                continue
            is_first = past.last is None
            found_now = past.table(each.answer)
            if as_json:
                output.write(json.dumps(each.document) + "\n")
            elif not is_first:
                _print_table(found_now, place)
            if once and (as_json or not is_first):
                return None
    return None


def _print_table(table: Table, place: str) -> None:
    console = output.out
    lines = screen.whole(table, place, View(), console.width)
    if console.is_terminal:
        console.print(*lines, sep="\n")
    else:
        output.write("".join(f"{line.plain.rstrip()}\n" for line in lines) + "\n")
