"""Log lines on standard error: coloured on a terminal, plain elsewhere."""

import logging

from rich.console import Console
from rich.logging import RichHandler


def set_up(level: str, console: Console) -> None:
    """Send the log of Beats, and warnings of everything else, to a console.

    Args:
        level: least level of our own lines that are shown.
        console: on standard error; one that draws a live line keeps it below the log.
    """
    handler: logging.Handler
    if console.is_terminal:
        handler = RichHandler(console=console, show_path=False, rich_tracebacks=False, markup=False)
        handler.setFormatter(logging.Formatter("%(message)s", datefmt="%H:%M:%S"))
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("beats").setLevel(level)
