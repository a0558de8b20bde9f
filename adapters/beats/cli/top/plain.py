"""Prints what a server says, for scripts and wherever there is no terminal."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

from beats.cli import output
from beats.cli.top import screen
from beats.cli.top.fetch import FetchError
from beats.cli.top.model import table
from beats.cli.top.polling import Failure
from beats.cli.top.view import View

if TYPE_CHECKING:
    from beats.cli.top.answer import Answer, Sample


async def print_all(
    found: "AsyncGenerator[Sample | Failure]", place: str, *, once: bool, as_json: bool
) -> FetchError | None:
    """Print every answer, or one; gives what makes that impossible.

    A table has rates, so that the first one comes with the second answer.
    """
    before: Answer | None = None
    async with aclosing(found):
        async for each in found:
            if isinstance(each, Failure):
                if once or (each.error.lasting and before is None):
                    return each.error
                if each.in_a_row == 1:
                    output.warn(f"{place}: {each.error}; trying again")
                continue
            if as_json:
                output.write(json.dumps(each.document) + "\n")
            elif before is not None:
                _print_table(before, each.answer, place)
            if once and (as_json or before is not None):
                return None
            before = each.answer
    return None


def _print_table(before: "Answer", now: "Answer", place: str) -> None:
    console = output.out
    lines = screen.whole(table(before, now), place, View(), console.width)
    if console.is_terminal:
        console.print(*lines, sep="\n")
    else:
        output.write("".join(f"{line.plain.rstrip()}\n" for line in lines) + "\n")
