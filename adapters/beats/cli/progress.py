"""Shows the progress of a command on a terminal."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from beats.cli.output import err


@contextmanager
def progress(title: str, total: float) -> Generator[Callable[[float], object]]:
    """Show a progress bar on standard error until the block ends; nothing without a terminal.

    Args:
        title: what the command is doing.
        total: the amount at the end, in any unit.

    Yields:
        A function to call with the amount so far.
    """
    if not err.is_terminal:
        yield _nothing
        return
    from rich.progress import Progress  # only now: few commands need it

    with Progress(console=err, transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done: bar.update(task, completed=done)


def _nothing(done: float) -> None:
    pass
