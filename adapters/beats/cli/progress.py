"""A progress bar, on a terminal only."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from beats.cli.output import err


@contextmanager
def progress(title: str, total: float) -> Generator[Callable[[float], object]]:
    """Show a progress bar on standard error during the block.

    Args:
        title: what is being done.
        total: the value at which it is done, in any unit.

    Yields:
        A function to call with the current value.
    """
    if not err.is_terminal:
        yield lambda done: None
        return
    from rich.progress import Progress  # lazy: most commands do not need it

    # Standard output is not redirected: it may be another file.
    with Progress(console=err, transient=True, redirect_stdout=False) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done: bar.update(task, completed=done)
