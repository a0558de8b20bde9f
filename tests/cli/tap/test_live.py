"""The picture below the lines."""

import anyio
import pyte
import pytest
from PIL import Image
from pyte.modes import DECTCEM

from beats.cli.tap.item import Notice, Unreadable
from beats.cli.tap.lines import Lines
from beats.cli.tap.live import Live, ScreenBottom
from beats.kernel.envelope import Frame
from beats.kit.gaps import Gap
from tests.cli.screen import ALTERNATE
from tests.cli.tap.envelopes import AT_NS, frame, item, update
from tests.recordings.export.material import png, wall
from tests.support import CODEC, TIMEOUT_S
from tests.support import picture as jpeg_file

pytestmark = pytest.mark.anyio


class Viewing:
    """A terminal with a live picture."""

    def __init__(self, columns: int = 80, lines: int = 24) -> None:
        self.size = (columns, lines)
        self.screen = pyte.HistoryScreen(columns, lines, history=5000)
        self.writes = 0
        self._wanted = 0
        self._drawn = anyio.Event()
        self._stream = pyte.Stream(self.screen)
        self.live = Live(Lines(colours=False), "truecolor", lambda: self.size, self._write)

    def _write(self, text: str) -> None:
        self.writes += 1
        if self.writes == self._wanted:
            self._drawn.set()
        self._stream.feed(text.replace("\n", "\r\n"))

    async def drawn(self, writes: int = 1) -> list[str]:
        """Let it draw so many times; what is seen then."""
        self._wanted, self._drawn = self.writes + writes, anyio.Event()
        with anyio.fail_after(TIMEOUT_S):
            async with anyio.create_task_group() as group:
                group.start_soon(self.live.redraw)
                await self._drawn.wait()
                group.cancel_scope.cancel()
        return self.lines()

    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display if line.strip()]

    def colours(self, line: int) -> list[tuple[str, str]]:
        return [(cell.fg, cell.bg) for at in range(4) for cell in [self.screen.buffer[line][at]]]


def picture(image: Image.Image, sequence: int) -> bytes:
    return frame(sequence, png(image))


async def test_one_picture_is_drawn_and_others_are_lines() -> None:
    """The main one as soon as it comes; until then the first that came, in any format."""
    viewing = Viewing()
    jpeg = Frame(jpeg_file("jpeg", 8, 4), "cam", "image/jpeg", 8, 4)
    encoded = CODEC.seal(CODEC.prepare(jpeg), 5, AT_NS)
    viewing.live.show(item(encoded))
    assert (await viewing.drawn())[-1].startswith("frame/cam 5  8 x 4")
    viewing.live.show(item(picture(wall(8, 4), 1)))
    viewing.live.show(item(encoded))
    lines = await viewing.drawn()
    assert "frame/cam" in lines[0]
    assert "8 x 4  jpeg" in lines[0]
    assert lines[-1].startswith("frame 1  8 x 4")


async def test_a_frame_is_a_picture_with_a_line_below() -> None:
    """Number, size, age and rate; every pixel in its place and colour."""
    viewing = Viewing()
    image = wall(40, 20)
    viewing.live.show(item(picture(image, 7), after_ms=3))
    lines = await viewing.drawn()
    assert lines[:10] == ["▀" * 40] * 10
    assert lines[10].startswith("frame 7  40 x 20  ")
    assert lines[10].endswith(f"age 3.0 ms  – fps")  # noqa: F541, RUF001
    upper, lower = image.getpixel((3, 0)), image.getpixel((3, 1))
    assert viewing.colours(0)[3] == tuple("".join(f"{value:02x}" for value in rgb) for rgb in (upper, lower))  # type: ignore[union-attr]


async def test_other_things_scroll_above_the_picture() -> None:
    """Updates, gaps and unreadable messages; frames have no lines."""
    viewing = Viewing()
    viewing.live.show(item(picture(wall(4, 4), 1)))
    viewing.live.show(item(update(1, "hello")))
    viewing.live.show(Gap("frame", 2, 5))
    viewing.live.show(Unreadable(AT_NS, 5, "what?"))
    viewing.live.show(Notice("gone"))
    viewing.live.show(item(picture(wall(4, 4), 6)))
    lines = await viewing.drawn()
    assert '"hello"' in lines[0]
    assert "frame 4 missing (2 to 5)" in lines[1]
    assert "unreadable, 5 B: what?" in lines[2]
    assert lines[3].endswith("gone")
    assert lines[4].startswith("▀")
    assert lines[-1].startswith("frame 6  4 x 4")
    assert lines[-1].endswith("4 missing")


async def test_only_the_newest_frame_is_drawn() -> None:
    """However fast they come; one that cannot be drawn says why in the caption."""
    viewing = Viewing()
    for sequence in range(1, 1000):
        viewing.live.show(item(picture(wall(2, 2), sequence)))
    assert (await viewing.drawn())[-1].startswith("frame 999 ")
    assert viewing.writes == 1
    viewing = Viewing()
    viewing.live.show(item(frame(1, png(wall(20, 20))[:60])))
    assert "cannot be drawn: " in (await viewing.drawn())[-1]
    viewing.live.show(item(picture(wall(4, 4), 2)))
    assert (await viewing.drawn())[0].startswith("▀")


async def test_lines_are_all_drawn_however_many() -> None:
    """In order, in a few writes."""
    viewing = Viewing()
    viewing.live.show(item(picture(wall(4, 4), 1)))
    for number in range(1200):
        viewing.live.show(Notice(f"line {number}"))
    await viewing.drawn()
    above = ["".join(line[at].data for at in range(40)).strip() for line in viewing.screen.history.top]
    seen = [line.strip() for line in above + viewing.lines() if "line" in line]
    assert seen == [f"line {number}" for number in range(1200)]
    assert viewing.writes == 3


@pytest.mark.parametrize("size", [(200, 50), (80, 24), (20, 8), (10, 6), (5, 3), (1, 1)])
async def test_it_fits_the_terminal(size: tuple[int, int]) -> None:
    """At least a third of the lines is left for scrolling; a tiny terminal gets no picture."""
    columns, lines = size
    viewing = Viewing(*size)
    viewing.live.show(item(picture(wall(640, 480), 1)))
    await viewing.drawn()
    rows = sum(line.startswith("▀") for line in viewing.lines())
    assert (rows > 0) == (lines >= 6)
    assert rows <= (lines - 1) * 2 // 3
    assert all(len(line) < columns for line in viewing.lines() if columns > 1)


async def test_the_end_shows_what_came_last() -> None:
    """The cursor is visible again, below the picture."""
    viewing = Viewing()
    viewing.live.show(item(picture(wall(4, 4), 1)))
    await viewing.drawn()
    viewing.live.show(Notice("the last line"))
    viewing.live.show(item(picture(wall(4, 4), 2)))
    await viewing.live.finish()
    assert viewing.lines()[0].strip() == "the last line"
    assert viewing.lines()[-1].startswith("frame 2 ")
    assert DECTCEM in viewing.screen.mode
    assert (viewing.screen.cursor.x, viewing.screen.cursor.y) == (0, len(viewing.lines()))


class Theatre:
    """A stage, and the terminal that it is on."""

    def __init__(self, columns: int = 20, lines: int = 8) -> None:
        self.screen = pyte.HistoryScreen(columns, lines, history=100)
        self._stream = pyte.Stream(self.screen)
        self.stage = ScreenBottom(self.write)

    def write(self, text: str) -> None:
        self._stream.feed(text.replace("\n", "\r\n"))  # as a terminal's driver does

    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display if line.strip()]

    def above(self) -> list[str]:
        return ["".join(line[at].data for at in range(20)).rstrip() for line in self.screen.history.top]


def test_what_is_below_is_replaced_and_what_is_above_scrolls() -> None:
    """Nothing is lost or doubled; alone a picture does not move; a resize wipes what is left of it."""
    theatre = Theatre()
    theatre.write("$ beats tap\n")
    theatre.stage.draw(["one"], ["AAA", "BBB"])
    assert theatre.lines() == ["$ beats tap", "one", "AAA", "BBB"]
    theatre.stage.draw(["two", "three"], ["CCC", "DDD"])
    assert theatre.lines() == ["$ beats tap", "one", "two", "three", "CCC", "DDD"]
    theatre.stage.draw([str(number) for number in range(10)], ["E", "F"])
    assert theatre.above() + theatre.lines() == [
        "$ beats tap", "one", "two", "three", *map(str, range(10)), "E", "F"
    ]  # fmt: skip
    theatre = Theatre()
    for turn in range(50):
        theatre.stage.draw([], [f"{turn}"] * 3)
    assert (theatre.lines(), theatre.above()) == (["49"] * 3, [])
    theatre.stage.resized()
    theatre.stage.draw(["one"], ["AAA", "BBB"])
    theatre.stage.resized()
    theatre.stage.draw(["two"], ["CCC"])
    assert theatre.lines() == ["two", "CCC"]


@pytest.mark.parametrize("heights", [(0, 3, 1, 5, 0, 2), (1, 1, 4), (5, 0, 5)])
def test_it_may_grow_and_shrink(heights: tuple[int, ...]) -> None:
    """Nothing of a higher picture stays."""
    theatre = Theatre()
    for turn, height in enumerate(heights):
        theatre.stage.draw([f"line {turn}"], [f"{turn}-{row}" for row in range(height)])
        seen = theatre.above() + theatre.lines()
        expected = [f"line {each}" for each in range(turn + 1)]
        assert seen == expected + [f"{turn}-{row}" for row in range(height)]


def test_it_leaves_the_terminal_as_it_was() -> None:
    """The cursor is visible below what was drawn; nothing is written if it never drew."""
    theatre = Theatre()
    theatre.stage.leave()
    assert theatre.lines() == []
    theatre.stage.draw([], ["AAA", "BBB"])
    assert DECTCEM not in theatre.screen.mode
    theatre.stage.leave()
    theatre.stage.leave()
    theatre.write("$")
    assert theatre.lines() == ["AAA", "BBB", "$"]
    assert DECTCEM in theatre.screen.mode
    assert ALTERNATE not in theatre.screen.mode
