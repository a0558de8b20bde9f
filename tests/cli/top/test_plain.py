"""What is printed where there is no terminal."""

import json
from collections.abc import AsyncGenerator, Sequence

import pytest

from beats.cli.top.answer import Sample, read
from beats.cli.top.fetch import FetchError
from beats.cli.top.plain import print_all
from beats.cli.top.polling import Failure
from tests.cli.top.answers import client, document, sink, source, stats

pytestmark = pytest.mark.anyio
AWAY = Failure(FetchError("Connection refused", lasting=False), 1, 0.5)
REFUSED = Failure(FetchError("HTTP 401", lasting=True), 1, 0.5)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def at(second: int) -> Sample:
    of = stats(
        [sink(clients=[client(1)]), sink("a\x1b[2J")],
        [source(published=60 * second)],
        60 * second,
        60 * second,
    )
    return read(json.dumps(document(of, second)).encode())


async def printed(*given: Sample | Failure, once: bool = False, as_json: bool = False) -> FetchError | None:
    async def found() -> AsyncGenerator[Sample | Failure]:
        for each in given:
            yield each

    return await print_all(found(), "wall:1", once=once, as_json=as_json)


def rates(out: str) -> Sequence[str]:
    return [line.split()[0] for line in out.splitlines() if "frames/s" in line]


async def test_a_table_needs_two_answers(capsys: pytest.CaptureFixture[str]) -> None:
    """One for each answer after the first, so that every one has rates; plain text, without control codes."""
    assert await printed(at(1), at(2), at(4)) is None
    out = capsys.readouterr().out
    assert rates(out) == ["60.0", "60.0"]
    assert "\x1b" not in out
    assert r"a\x1b[2J" in out
    assert all(line == line.rstrip() for line in out.splitlines())


async def test_once_prints_one_table(capsys: pytest.CaptureFixture[str]) -> None:
    """And asks no more."""
    assert await printed(at(1), at(2), at(3), once=True) is None
    assert rates(capsys.readouterr().out) == ["60.0"]


async def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """As the server said it, in ASCII, so that no terminal obeys anything in it."""
    assert await printed(at(1), at(2), as_json=True) is None
    out = capsys.readouterr().out
    assert [json.loads(line) for line in out.splitlines()] == [at(1).document, at(2).document]
    assert out.isascii()


async def test_json_once_is_exactly_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    """It has no rates, and so needs no second look."""
    assert await printed(at(1), at(2), once=True, as_json=True) is None
    assert len(capsys.readouterr().out.splitlines()) == 1


async def test_a_server_that_is_away_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    """It is said once, and what is printed stays whole."""
    again = AWAY._replace(in_a_row=2)
    assert await printed(AWAY, again, at(1), AWAY, REFUSED._replace(in_a_row=2), at(2)) is None
    captured = capsys.readouterr()
    assert captured.err == "warning: wall:1: Connection refused; trying again\n" * 2
    assert rates(captured.out) == ["60.0"]


@pytest.mark.parametrize("failure", [AWAY, REFUSED])
@pytest.mark.parametrize("as_json", [False, True])
async def test_once_does_not_wait(
    failure: Failure, as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the reason, and also between the two looks."""
    assert await printed(failure, at(1), at(2), once=True, as_json=as_json) is failure.error
    if not as_json:
        assert await printed(at(1), failure, at(2), once=True) is failure.error
    assert capsys.readouterr().out == ""


async def test_a_refusal_at_the_beginning_ends_it(capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong token does not become right; nor does another server become Beats."""
    assert await printed(REFUSED, at(1)) is REFUSED.error
    assert await printed(AWAY, REFUSED, at(1)) is REFUSED.error
    assert capsys.readouterr().out == ""
