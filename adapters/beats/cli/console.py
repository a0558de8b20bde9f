"""A rich console that prints no control characters of the text."""

from collections.abc import Iterable
from typing import IO, Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from beats.cli.printable import printable_lines

_NO_SCREEN: Final = 1000
"""Width without a terminal, so that `beats profiles | grep` finds whole lines."""


class SafeConsole(Console):
    """Prints control characters as Python escapes.

    Line ends are kept, as reports contain some. Text from outside must go through `printable` before its
    layout, or it could forge further lines.
    """

    def __init__(
        self, *, stderr: bool = False, file: IO[str] | None = None, is_terminal: bool | None = None
    ) -> None:
        """A console on standard output or error, or on a file that may count as a terminal."""
        # emoji=False: a value such as ":heart:" is shown unchanged.
        super().__init__(
            stderr=stderr, file=file, force_terminal=is_terminal, highlight=False, soft_wrap=True, emoji=False
        )
        if not self.is_terminal:
            self.width = _NO_SCREEN

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments; rich's own control codes are kept."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable() or segment.text == "\n":
                yield segment
            else:
                yield Segment(printable_lines(segment.text), segment.style)
