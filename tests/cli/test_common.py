"""Reading a profile for a command, and saying what is wrong with it."""

from pathlib import Path

import pytest
import typer

from beats.cli.common import read_or_exit, refused
from beats.cli.output import EXIT_SETTINGS, warn
from beats.config.errors import Problem, SettingsError
from beats.runtime.reader import Reader
from beats.runtime.watcher import Watcher


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_wrong_settings_end_the_command_with_78(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All faults, and the warnings that may explain them, go to standard error, a line each."""
    monkeypatch.setenv("BEATS_SINKS__BROWSER__PORT", "many")
    monkeypatch.setenv("BEATS_STREAM_QUEUE_SIZ", "9")
    with pytest.raises(typer.Exit) as caught:
        read_or_exit(Watcher(Reader(sets=["kernel.max_topics=0", "nonsense"])))
    assert caught.value.exit_code == EXIT_SETTINGS == 78
    shown = capsys.readouterr()
    assert shown.out == ""
    first, *lines, _ = shown.err.splitlines()
    assert first.startswith("warning: BEATS_STREAM_QUEUE_SIZ: unknown variable")
    wrong = ["--set", "--set kernel.max_topics", "BEATS_SINKS__BROWSER__PORT"]
    assert sorted(line.partition(":")[0] for line in lines) == wrong


@pytest.mark.parametrize("text", ["[bold]x[/bold]", ":heart:", "[/]", "a" * 500])
def test_what_is_wrong_is_shown_as_it_is(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Values are neither taken for markup, nor for emoji, nor broken into lines."""
    assert refused(SettingsError([Problem("", "key", text, "is wrong")])).exit_code == 78
    warn(text)
    assert capsys.readouterr().err == f"key = {text}: is wrong\nwarning: {text}\n"


def test_the_folder_that_is_looked_into_is_the_one_that_was_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By the argument, by the variable, or `config` in the current folder."""
    assert Reader(None, None, None).folder == Path("config")
    monkeypatch.setenv("BEATS_CONFIG_DIR", "elsewhere")
    assert Reader(None, None, None).folder == Path("elsewhere")
    assert Reader(None, tmp_path, None).folder == tmp_path
