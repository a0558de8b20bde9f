"""How far a command has come, on a terminal; nothing anywhere else."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from beats.cli.output import err


@contextmanager
def progress(title: str, total: float) -> Generator[Callable[[float], object]]:
    """A bar on standard error, as long as the block lasts.

    Args:
        title: what is being done.
        total: the figure at which it is done, of whatever unit.

    Yields:
        What to tell the figure so far.
    """
    if not err.is_terminal:
        yield _nothing
        return
    from rich.progress import Progress  # only now: most commands have no use for it

    with Progress(console=err, transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done: bar.update(task, completed=done)


def _nothing(done: float) -> None:
    pass
