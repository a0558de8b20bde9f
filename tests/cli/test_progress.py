"""The progress bar."""

from io import StringIO

import pytest
from rich.console import Console

from beats.cli import progress as module
from beats.cli.progress import progress


def test_a_bar_is_shown_on_a_terminal_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log file or a pipe gets nothing of it."""
    shown: dict[bool, str] = {}
    for is_terminal in (True, False):
        file = StringIO()
        console = Console(file=file, force_terminal=is_terminal, width=80)
        monkeypatch.setattr(module, "err", console)
        with progress("copying", 10) as tell:
            tell(5)
        shown[is_terminal] = file.getvalue()
    assert "copying" in shown[True]
    assert "50%" in shown[True]
    assert shown[False] == ""
