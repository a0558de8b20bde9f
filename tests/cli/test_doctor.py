"""`beats doctor` as a person and as a program see it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer

from beats.cli.commands.doctor import doctor, document, exit_code, levels, line, summary
from beats.doctor import examination
from beats.doctor.findings import LEVELS, Finding
from tests.cli.terminal import on_a_terminal
from tests.support import called

RIGHT = Finding("Python", "ok", "CPython 3.11")
NOTE = Finding("extra nats", "note", "not installed", "to install it: pip install 'beats[nats]'")
WARNING = Finding("clock", "warning", "not synchronised", "switch on a time service")
FAULT = Finding("port 8765", "fault", "taken", "choose another port")
WRONG = Finding("settings", "fault", "port = -1", "must be at least 0", is_setting=True)


def diagnosed(*arguments: str, cwd: Path, **variables: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and what a program reads."""
    code, out, err = called(
        "doctor", "--json", *arguments, cwd=cwd, XDG_RUNTIME_DIR=str(cwd / "run"), **variables
    )
    assert err == ""
    found: dict[str, Any] = json.loads(out)
    assert found["exit_code"] == code
    return code, found


def of(found: dict[str, Any], subject: str) -> list[dict[str, Any]]:
    return [each for each in found["findings"] if each["subject"] == subject]


@pytest.mark.parametrize("arguments", [("--profile", "nobody"), ("--config", "nowhere")])
def test_a_profile_that_is_not_there_is_a_finding(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """The machine is still checked, without ports and disks."""
    code, found = diagnosed(*arguments, cwd=tmp_path)
    subjects = {each["subject"] for each in found["findings"]}
    assert code == 78
    assert {"Python", "settings", "open files", "clock"} <= subjects
    assert not any(subject.startswith(("port", "disk")) for subject in subjects)


def test_in_a_pipe_each_finding_is_a_line(tmp_path: Path) -> None:
    """Without colours, the worst last, and a summary below."""
    code, out, err = called("doctor", "--set", "sinks.browser.port=-1", cwd=tmp_path)
    assert (code, err) == (78, "")
    *lines, last, more = out.splitlines()
    assert more == "More: beats docs operation#find-out-what-is-wrong"
    found = [[str(level) for level in LEVELS].index(line.split()[0]) for line in lines]
    assert found == sorted(found)
    assert lines[-1].endswith("sinks.browser.port = -1 -> must be at least 0")
    assert re.fullmatch(r"1 fault, (no|\d+) warnings?", last)
    assert "\x1b" not in out


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (200, 50)])
def test_on_a_terminal_nothing_is_cut_off(tmp_path: Path, columns: int, rows: int) -> None:
    """Even on a small terminal with a long path."""
    folder = tmp_path.joinpath(*["of-a-long-name"] * 9)
    folder.mkdir(parents=True)
    path = f"sinks.recorder.path={folder}/show.mcap"
    arguments = ("-p", "studio", "--set", path, "--set", "sinks.browser.port=-1")
    with on_a_terminal("doctor", *arguments, cwd=tmp_path, size=(rows, columns)) as terminal:
        seen = terminal.wait_for(r"(?s)\A.*1 fault, \w+ warnings?")[0]
        assert terminal.end() == 78
    lines = [line.rstrip() for line in seen.splitlines()]
    assert max(map(len, lines)) <= columns
    assert "…" not in seen
    squeezed = re.sub(r"\s", "", seen)
    assert f"freein{folder}forsinks.recorder" in squeezed
    assert "sinks.browser.port=-1→mustbeatleast0" in squeezed
    [fault] = [index for index, line in enumerate(lines) if line.startswith("fault")]
    assert fault >= len(lines) - 4, "what is worst is not where a terminal shows it"


@pytest.mark.parametrize(
    ("findings", "code", "text"),
    [
        ([], 0, "no faults, no warnings"),
        ([RIGHT, NOTE], 0, "no faults, no warnings"),
        ([RIGHT, WARNING], 0, "no faults, 1 warning"),
        ([WARNING, FAULT, WARNING], 1, "1 fault, 2 warnings"),
        ([FAULT, WRONG, FAULT], 78, "3 faults, no warnings"),
    ],
)
def test_the_worst_decides(findings: list[Finding], code: int, text: str) -> None:
    """Warnings are not failures; invalid settings have a separate code."""
    assert exit_code(findings) == code
    assert summary(findings) == text


def test_lines_and_documents_say_what_to_do() -> None:
    """If there is something to do; the document has all findings in the order of the checks."""
    assert line(RIGHT) == "ok       Python: CPython 3.11"
    assert line(FAULT) == "fault    port 8765: taken -> choose another port"
    found: Any = document([FAULT, RIGHT], 1)
    assert found["levels"] == {"ok": 1, "note": 0, "warning": 0, "fault": 1} == dict(levels([FAULT, RIGHT]))
    assert found["findings"] == [
        {"subject": "port 8765", "level": "fault", "found": "taken", "advice": "choose another port"},
        {"subject": "Python", "level": "ok", "found": "CPython 3.11", "advice": None},
    ]


def test_nothing_that_a_process_calls_itself_is_obeyed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Any program may use the port, under any name."""
    evil = "held by x\x1b[2J\n\x9b"
    findings = [Finding("port 8765", "fault", evil, "end it")]

    def examine(found: object) -> list[Finding]:
        return findings

    monkeypatch.setattr(examination, "examine", examine)
    for as_json in (True, False):
        with pytest.raises(typer.Exit):
            doctor(as_json=as_json)
        out = capsys.readouterr().out
        assert "\x1b" not in out
        assert "\x9b" not in out
    said = [r"fault    port 8765: held by x\x1b[2J\n\x9b -> end it", "1 fault, no warnings"]
    assert out.splitlines()[:2] == said
