"""All of a tap together, before a server that can be made to send anything."""

import json
from collections.abc import Mapping
from pathlib import Path

import anyio
import pytest

from beats.cli.address import parse
from beats.cli.tap.folder import FrameFolder
from beats.cli.tap.tapping import Wanted, tap
from tests.cli.tap.envelopes import frame, holding, sending, serving, update
from tests.support import TIMEOUT_S

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def tapped(place: str, query: Mapping[str, str] | None = None, **fields: object) -> str | None:
    wanted = Wanted(parse(place), None, query or {}, False, False, None, None, None)
    with anyio.fail_after(TIMEOUT_S):
        return await tap(wanted._replace(**fields))  # type: ignore[arg-type]  # each test knows its fields


async def test_lines_are_printed_until_there_are_enough(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal whole, and without colours."""
    with serving(holding(frame(1), update(1, "x" * 300), frame(3), frame(4))) as server:
        assert await tapped(server.place, enough=3) is None
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["frame", "peripheral/knob-1", "1", "frame"]
    assert lines[2].endswith("frame 1 missing (2)")
    assert "x" * 300 in lines[1]
    assert "\x1b" not in "".join(lines)


async def test_the_end_is_given_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """After what came before it."""
    with serving(sending(frame(1), code=1001)) as server:
        assert await tapped(server.place) == "the server ended the stream: 1001 (going away)"
    assert len(capsys.readouterr().out.splitlines()) == 1


async def test_the_stream_is_asked_for_what_is_wanted() -> None:
    """By the options and by the address, with the token in a header."""
    with serving(holding(frame(1))) as server:
        place = f"ws://{server.place}/wall/?snapshot=0&token=secret"
        assert await tapped(place, {"kinds": "frame", "topics": "a,b*"}, enough=1) is None
    request = server.requests[0]
    assert request.path == "/wall/?snapshot=0&kinds=frame&topics=a%2Cb%2A"
    assert request.headers["Authorization"] == "Bearer secret"


@pytest.mark.parametrize("place", ["{}", "ws://{}/?max_fps=5"])
async def test_frames_that_were_not_asked_for_are_not_missing(
    place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether the option says so or the address."""
    query = {} if "max_fps" in place else {"max_fps": "5"}
    with serving(holding(frame(1), frame(9))) as server:
        assert await tapped(place.format(server.place), query, enough=2) is None
    assert "missing" not in capsys.readouterr().out


async def test_frames_are_saved_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both, in any form."""
    folder = FrameFolder(tmp_path / "frames")
    with serving(holding(frame(1), frame(2))) as server:
        assert await tapped(server.place, enough=2, folder=folder, as_json=True) is None
    told = [json.loads(line)["sequence"] for line in capsys.readouterr().out.splitlines()]
    assert (told, folder.saved) == ([1, 2], 2)


async def test_pictures_are_drawn_on_what_is_taken_for_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """And what came last is seen when it ends."""
    with serving(sending(frame(1), update(1, "hello"), frame(2))) as server:
        assert await tapped(server.place, depth="truecolor") is not None
    out = capsys.readouterr().out
    assert "▀" in out
    assert "frame 2" in out
    assert '"hello"' in out
    assert out.endswith("\x1b[?25h")
