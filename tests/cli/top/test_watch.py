"""Showing a server on a terminal, and printing what it answers elsewhere."""

import json
import re
import signal
import time
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from beats.cli.failures import ServerError
from beats.cli.top.fetch import Failure, Sample, read
from beats.cli.top.watch import print_all
from tests.cli.screen import ALTERNATE, Screen, on_a_screen
from tests.cli.top.answering import Answering, answered, answering, http
from tests.cli.top.answers import client, document, sink, source, stats
from tests.support import TIMEOUT_S

pytestmark = pytest.mark.anyio


class Server:
    """What the fake one answers."""

    def __init__(self, clients: int = 40) -> None:
        self.begun_s = time.monotonic()
        self.clients = clients
        self.refuses: bytes | None = None
        self.name = "browser"

    def reply(self) -> bytes:
        if self.refuses is not None:
            return self.refuses
        at_s = time.monotonic() - self.begun_s
        count = round(60 * at_s)
        viewers = [client(each, taken=count, drops=[("latest", each)]) for each in range(self.clients)]
        of = stats([sink(self.name, clients=viewers)], [source(published=count)])
        return answered(document(of, at_s))


@contextmanager
def watched(
    tmp_path: Path, server: Server, columns: int = 80, lines: int = 24, **variables: str
) -> Generator[tuple[Screen, Answering]]:
    with answering(server.reply) as listening:
        arguments = ("top", f"127.0.0.1:{listening.port}", "--interval", "0.1")
        with on_a_screen(*arguments, cwd=tmp_path, columns=columns, lines=lines, **variables) as screen:
            yield screen, listening
            if screen.process.poll() is None:
                screen.press("q")
                assert screen.end() == 0


def restored(screen: Screen, before: list[Any]) -> bool:
    """Whether the terminal is as it was: its own screen, a cursor, lines that are edited."""
    return ALTERNATE not in screen.modes() and screen.has_cursor and screen.settings() == before


def first_client(screen: Screen) -> str:
    lines = screen.lines()
    header = next(number for number, line in enumerate(lines) if line.startswith("viewer"))
    return lines[header + 1].split(":")[0]


def test_keys_sort_and_scroll_and_quit(tmp_path: Path) -> None:
    """Those with most drops are on top; each key has an immediate effect."""
    with watched(tmp_path, Server()) as (screen, _):
        before = screen.settings()
        screen.wait_for(r"^10\.0\.0\.39:5000 .* 39 ")
        assert ALTERNATE in screen.modes()
        assert first_client(screen) == "10.0.0.39"
        screen.press("down", "down")
        screen.until(lambda: first_client(screen) == "10.0.0.37" or None)
        screen.press("G")
        screen.wait_for(r"^10\.0\.0\.0:5000")
        screen.press("r")
        screen.until(lambda: True if first_client(screen) == "10.0.0.0" else None)
        screen.press("right")
        screen.wait_for(r"drop/s[▲▼]")
        screen.press("?")
        screen.wait_for(r"r reverse")
        screen.press("\t", "\t", "\t")
        screen.until(lambda: not re.search("^(source|viewer) ", screen.text(), re.MULTILINE) or None)
        screen.press("q")
        assert screen.end() == 0
        assert restored(screen, before)


@pytest.mark.parametrize("how", ["\x03", signal.SIGINT, signal.SIGTERM])
def test_however_it_is_ended_the_terminal_is_restored(tmp_path: Path, how: str | signal.Signals) -> None:
    """Ctrl-C, and signals; all with exit code 0, since there is no other way to end it but `q`."""
    with watched(tmp_path, Server()) as (screen, _):
        before = screen.settings()
        screen.wait_for("q quit")
        if isinstance(how, str):
            screen.press(how)
        else:
            screen.process.send_signal(how)
        assert screen.end() == 0
        assert restored(screen, before)
        assert b"Traceback" not in screen.raw


def test_it_follows_the_size_of_the_terminal(tmp_path: Path) -> None:
    """At once: more lines, more columns, and fewer."""
    with watched(tmp_path, Server(), columns=80, lines=24) as (screen, _):
        screen.wait_for(r"^1 to 11 of 40 +\? keys")
        assert "delivered" not in screen.text()
        screen.resize(200, 50)
        screen.wait_for(r"^1 to 38 of 40")
        screen.wait_for(r"why dropped")
        screen.resize(40, 12)
        screen.until(lambda: True if screen.lines()[-1].startswith("1 to 3 of 40") else None)
        assert screen.lines()[0].startswith("beats 0.1.0  studio  127.0.0.1:")


def test_a_refusal_later_is_no_end(tmp_path: Path) -> None:
    """Another token after a restart: the last content stays. At the start the reason is printed."""
    server = Server()
    with watched(tmp_path, server) as (screen, _):
        screen.wait_for(r"^\d+ to")
        server.refuses = http(b"", "401 Unauthorized")
        screen.wait_for(r"^silent for .*HTTP 401 Give it with --token")
        assert "10.0.0.39" in screen.text()
        server.refuses = None
        screen.wait_for(r"^1 to \d+ of 40")
    server = Server()
    server.refuses = http(b"Not you.\n", "403 Forbidden", "text/plain")
    with watched(tmp_path, server) as (screen, listening):
        before = screen.settings()
        assert screen.end() == 1
        screen.wait_for(rf"127\.0\.0\.1:{listening.port}: HTTP 403: Not you\.")
        assert restored(screen, before)


def test_before_there_is_a_server_it_is_waited_for(tmp_path: Path) -> None:
    """Both can be started at once, in any order."""
    with answering(b"") as gone:
        port = gone.port
    with on_a_screen("top", f"127.0.0.1:{port}", "--interval", "0.1", cwd=tmp_path) as screen:
        screen.wait_for(r"^silent for \d+ s: Connection refused; a")
        screen.press("q")
        assert screen.end() == 0


def test_nothing_that_a_server_says_moves_the_cursor(tmp_path: Path) -> None:
    """Names are shown unchanged, including markup."""
    server = Server()
    server.name = "a\x1b[H\x1b[2J\x07\r\n[bold]x[/bold]"
    with watched(tmp_path, server, columns=200, lines=50) as (screen, _):
        screen.wait_for(re.escape(r"a\x1b[H\x1b[2J\x07\r\n[bold]x[/bold]") + " +running")
    assert b"\x07" not in screen.raw


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="says nowhere what state a process is in")
def test_it_can_be_put_aside(tmp_path: Path) -> None:
    """Ctrl-Z restores the terminal; after SIGCONT the table is back."""
    with watched(tmp_path, Server()) as (screen, _):
        screen.wait_for("q quit")
        screen.process.send_signal(signal.SIGTSTP)
        # A process group without a shell is never stopped by SIGTSTP's own effect, so it stops itself.
        screen.until(lambda: True if state_of(screen.process.pid) == "T" else None)
        screen.until(lambda: True if ALTERNATE not in screen.modes() else None)
        screen.process.send_signal(signal.SIGCONT)
        screen.until(lambda: True if ALTERNATE in screen.modes() else None)
        screen.press("?")
        screen.wait_for("r reverse")


def state_of(pid: int) -> str:
    """T for one that is stopped: proc(5)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_terminal_that_can_do_little_shows_what_it_can(tmp_path: Path) -> None:
    """TERM=dumb cannot move the cursor; a missing character is replaced by one of the same width."""
    with watched(tmp_path, Server(3), TERM="dumb") as (screen, _):
        screen.until(lambda: True if screen.raw.count(b"frames/s") >= 2 else None)
        assert b"\x1b" not in screen.raw
        screen.press("\x03")
        assert screen.end() == 0
    with watched(tmp_path, Server(3), PYTHONIOENCODING="latin-1") as (screen, _):
        screen.wait_for(r"^viewer            state       /s         queue  dropped\?  drop/s    online$")


def test_a_terminal_that_goes_is_its_end(tmp_path: Path) -> None:
    """When the window is closed, the command ends without a traceback."""
    with watched(tmp_path, Server()) as (screen, _):
        screen.wait_for("q quit")
        screen.hang_up()
        assert screen.process.wait(TIMEOUT_S) in (0, -signal.SIGHUP)


AWAY = Failure(ServerError("Connection refused", lasting=False), 1, 0.5)
REFUSED = Failure(ServerError("HTTP 401", lasting=True), 1, 0.5)


def at(second: int) -> Sample:
    count = 60 * second
    of = stats([sink(clients=[client(1)]), sink("a\x1b[2J")], [source(published=count)], count, count)
    return read(json.dumps(document(of, second)).encode())


async def printed(*given: Sample | Failure, once: bool = False, as_json: bool = False) -> ServerError | None:
    async def found() -> AsyncGenerator[Sample | Failure]:
        for each in given:
            yield each

    return await print_all(found(), "wall:1", once=once, as_json=as_json)


def rates(out: str) -> Sequence[str]:
    return [line.split()[0] for line in out.splitlines() if "frames/s" in line]


async def test_a_table_needs_two_answers(capsys: pytest.CaptureFixture[str]) -> None:
    """One for each answer after the first, without control codes; as JSON each as the server said it."""
    assert await printed(at(1), at(2), at(4)) is None
    out = capsys.readouterr().out
    assert rates(out) == ["60.0", "60.0"]
    assert "\x1b" not in out
    assert r"a\x1b[2J" in out
    assert all(line == line.rstrip() for line in out.splitlines())
    assert await printed(at(1), at(2), as_json=True) is None
    out = capsys.readouterr().out
    assert [json.loads(line) for line in out.splitlines()] == [at(1).document, at(2).document]
    assert out.isascii()


async def test_a_server_that_is_away_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    """It is reported once, and printed tables stay complete; a refusal at the beginning is the end."""
    again = AWAY._replace(in_a_row=2)
    assert await printed(AWAY, again, at(1), AWAY, REFUSED._replace(in_a_row=2), at(2)) is None
    captured = capsys.readouterr()
    assert captured.err == "warning: wall:1: Connection refused; trying again\n" * 2
    assert rates(captured.out) == ["60.0"]
    assert await printed(REFUSED, at(1)) is REFUSED.error
    assert await printed(AWAY, REFUSED, at(1)) is REFUSED.error
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("failure", [AWAY, REFUSED])
@pytest.mark.parametrize("as_json", [False, True])
async def test_once_does_not_wait(
    failure: Failure, as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the reason, and even between the two requests."""
    assert await printed(failure, at(1), at(2), once=True, as_json=as_json) is failure.error
    if not as_json:
        assert await printed(at(1), failure, at(2), once=True) is failure.error
    assert capsys.readouterr().out == ""
