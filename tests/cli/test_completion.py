"""Completion as shells ask for it, and as a person sees it who presses the tab key in one."""

import re
import shutil
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from beats.cli import app, completion
from beats.cli.completion import SCRIPTS, Shell, install
from tests.cli.terminal import Terminal, on_a_terminal
from tests.support import called

BASH = shutil.which("bash")
SHOW = "printf '<%s>\\n' "
HOSTILE = "h`false`;#~[{!.mcap"
"""What a shell would obey in the name of a file."""
needs_bash = pytest.mark.skipif(BASH is None, reason="there is no bash here")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The command under its own name, beside things whose names can be completed."""
    folder = tmp_path / "bin"
    folder.mkdir()
    path = folder / "beats"
    path.write_text(f"#!{sys.executable}\nfrom beats.cli import main\nmain()\n")
    path.chmod(0o755)
    (tmp_path / "recordings").mkdir()
    for name in ("show.mcap", "notes.txt", "recordings/one.mcap", "recordings/the other one.mcap", HOSTILE):
        (tmp_path / name).touch()
    return path


def asked(program: Path, **variables: str) -> str:
    """What the command answers a shell."""
    completion.answer()
    code, out, err = called(cwd=program.parents[1], **variables)
    assert (code, err) == (0, "")
    return out


def bash_gets(program: Path, *words: str) -> list[str]:
    """What bash is offered for the last word."""
    asking = {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)}
    return asked(program, _BEATS_COMPLETE="complete_bash", **asking).split("\n")[:-1]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("beats", "rec"), ["record", "recover"]),
        (("beats", "config", "sh"), ["show"]),
        (("beats", "run", "--log"), ["--log-format"]),
        (("beats", "run", "--log-format", "j"), ["json"]),
        (("beats", "run", "--profile", "st"), ["studio"]),
        (("beats", "run", "--profile=st"), ["studio"]),
        (("beats", "config", "diff", "default", "st"), ["studio"]),
        (("beats", "run", "--set", "sinks.browser.po"), ["sinks.browser.port="]),
        (("beats", "config", "get", "sinks.browser.po"), ["sinks.browser.port"]),
        (("beats", "info", "s"), ["show.mcap"]),
        (("beats", "replay", "show.mcap", "re"), ["recordings/one.mcap", "recordings/the other one.mcap"]),
        (("beats", "cut", "s"), ["show.mcap"]),
        (("beats", "recover", "s"), ["show.mcap"]),
        (("beats", "export", "s"), ["show.mcap"]),
        (("beats", "--show-completion", "f"), ["fish"]),
        (("beats", "nothing", "x"), [""]),
    ],
)
def test_what_may_come_next_is_told(program: Path, words: tuple[str, ...], expected: list[str]) -> None:
    """Commands, options, and the values of both."""
    assert bash_gets(program, *words) == expected


def test_settings_are_those_of_the_profile_on_the_same_line(program: Path) -> None:
    """Only the named profile has a recorder."""
    found = bash_gets(program, "beats", "run", "--profile", "studio", "--set", "sinks.re")
    assert "sinks.recorder.path=" in found
    assert bash_gets(program, "beats", "run", "--set", "sinks.re") == [""]


def test_zsh_and_fish_get_what_it_is_for_as_well(program: Path) -> None:
    """Each in its own format."""
    line = "beats run --set sinks.browser.po"
    help_text = "Port to listen on; 0 takes a free one and reports it."
    fish = {"_BEATS_COMPLETE": "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    found = asked(program, **fish, _TYPER_COMPLETE_ARGS=line, COLUMNS="1000")
    assert found == f"sinks.browser.port=\t{help_text}\n"
    found = asked(program, _BEATS_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS=line, COLUMNS="1000")
    assert found == f"""_arguments '*: :(("sinks.browser.port=":"{help_text}"))'\n"""


@pytest.mark.parametrize("shell", SCRIPTS)
def test_the_script_of_a_shell_is_printed_or_installed(shell: Shell, tmp_path: Path) -> None:
    """Of the named shell; its start-up file loads it once, even after several installations."""
    code, out, err = called("--show-completion", shell, cwd=tmp_path)
    assert (code, out, err) == (0, SCRIPTS[shell], "")
    assert f"{completion.VARIABLE}=complete_{shell}" in out
    home = str(tmp_path)
    assert called("--install-completion", shell, cwd=tmp_path, HOME=home)[0] == 0
    code, out, _ = called("--install-completion", shell, cwd=tmp_path, HOME=home)
    assert code == 0
    script = Path(out.splitlines()[0].removeprefix("wrote "))
    assert script.is_relative_to(tmp_path)
    assert script.read_text() == SCRIPTS[shell]
    files = {path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()}
    assert list(files) == [f".{shell}rc"] * (shell != "fish")
    assert all(text.count("\n") == 1 for text in files.values())


def test_an_unknown_shell_or_home_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is wrong usage; an unknown home, as of a container's user, is a failure."""
    code, _, err = called("--show-completion", "tcsh", cwd=tmp_path)
    assert code == 2
    assert all(shell in err for shell in SCRIPTS)

    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    result = CliRunner().invoke(app, ["--install-completion", "bash"])
    assert result.exit_code == 1
    assert result.output.splitlines()[0] == "the home folder is unknown: set HOME"


def test_what_was_in_the_file_of_the_shell_stays(tmp_path: Path) -> None:
    """Even without a final line break, and not in UTF-8; a home that cannot be written says so."""
    rc = tmp_path / ".bashrc"
    rc.write_bytes(b"PS1='\xff '")
    assert install("bash", tmp_path) == [tmp_path / ".bash_completions" / "beats.sh", rc]
    assert rc.read_bytes() == b"PS1='\xff '\nsource ~/.bash_completions/beats.sh\n"
    assert install("bash", tmp_path) == [tmp_path / ".bash_completions" / "beats.sh"]
    (tmp_path / ".zfunc").touch()
    code, out, err = called("--install-completion", "zsh", cwd=tmp_path, HOME=str(tmp_path))
    assert (code, out) == (1, "")
    assert err.splitlines()[0] == f"{tmp_path}/.zfunc: cannot be written: File exists"


@pytest.fixture
def shell(program: Path) -> Generator[Terminal]:
    """A real bash on a terminal of its own, with the script read in."""
    assert BASH is not None
    folder = program.parents[1]
    script, rc = folder / "beats.bash", folder / "rc"
    script.write_text(SCRIPTS["bash"])
    rc.write_text(
        f"PS1='ready> '; PATH={program.parent}:$PATH; source {script}; bind 'set bell-style none'\n"
    )
    arguments = ("--noprofile", "--rcfile", str(rc), "-i")
    with on_a_terminal(*arguments, cwd=folder, program=(BASH,), TERM="dumb", HISTFILE="") as terminal:
        terminal.wait_for("ready> ")
        yield terminal


@needs_bash
@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("beats recor", "beats record X"),
        ("beats run --profile st", "beats run --profile studio X"),
        ("beats run --profile=st", "beats run --profile=studio X"),
        ("beats run --set sinks.brow", "beats run --set sinks.browser.X"),
        ("beats run --set sinks.browser.po", "beats run --set sinks.browser.port=X"),
        ("beats run --set=sinks.browser.po", "beats run --set=sinks.browser.port=X"),
        ("beats run --set kernel.log_format=j", "beats run --set kernel.log_format=json X"),
        ("beats run --set=kernel.log_format=j", "beats run --set=kernel.log_format=json X"),
        ("beats info recordings/t", r"beats info recordings/the\ other\ one.mcap X"),
        ('beats info "recordings/t', 'beats info "recordings/the other one.mcap" X'),
        ("beats info rec", "beats info recordings/X"),
        ("beats run not", "beats run notes.txt X"),
        ("beats info h", r"beats info h\`false\`\;\#\~\[\{\!.mcap X"),
    ],
)
def test_bash_completes_what_is_typed(shell: Terminal, typed: str, completed: str) -> None:
    """With a blank after it only if nothing can follow, and with files if there is nothing else to offer."""
    # What readline made of the line becomes arguments of a command that shows each of them.
    shell.press(typed, "\t", "X", "\x01", SHOW, "\r")
    arguments = [BASH or "", "-c", SHOW + completed]
    expected = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    shell.wait_for(r"\s+".join(map(re.escape, expected.splitlines())))
