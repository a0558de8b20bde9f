"""A terminal or pipe that obeys nothing in the texts that are printed there."""

from collections.abc import Iterable
from typing import IO, Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from beats.cli.printable import printable_lines

_NO_SCREEN: Final = 1000
"""Columns where no terminal sets a limit: `beats profiles | grep` shall find whole lines."""


class SafeConsole(Console):
    """Prints control characters as Python writes them, wherever they come from.

    Line ends stay, for reports have some: text from outside goes through `printable` before it is
    laid out, or it could pretend to be further lines.
    """

    def __init__(
        self, *, stderr: bool = False, file: IO[str] | None = None, is_terminal: bool | None = None
    ) -> None:
        """Print on standard output or error, or to a file that may stand for a terminal."""
        # emoji=False: a value such as ":heart:" is shown as it was written.
        super().__init__(
            stderr=stderr,
            file=file,
            force_terminal=is_terminal,
            highlight=False,
            soft_wrap=True,
            emoji=False,
        )
        if not self.is_terminal:
            self.width = _NO_SCREEN

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments; those of rich's own control codes as they are."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable() or segment.text == "\n":
                yield segment
            else:
                yield Segment(printable_lines(segment.text), segment.style)
