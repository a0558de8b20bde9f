"""A picture that stays below lines that scroll."""

import pyte
import pytest
from pyte.modes import DECTCEM

from beats.cli.tap.runner import Stage
from tests.cli.screen import ALTERNATE


class Theatre:
    """A stage, and the terminal that it is on."""

    def __init__(self, columns: int = 20, lines: int = 8) -> None:
        self.screen = pyte.HistoryScreen(columns, lines, history=100)
        self._stream = pyte.Stream(self.screen)
        self.stage = Stage(self.write)

    def write(self, text: str) -> None:
        self._stream.feed(text.replace("\n", "\r\n"))  # as a terminal's driver does

    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display if line.strip()]

    def above(self) -> list[str]:
        return ["".join(line[at].data for at in range(20)).rstrip() for line in self.screen.history.top]


def test_what_is_below_is_replaced_and_what_is_above_scrolls() -> None:
    """Whatever was on the terminal before goes up with the rest; nothing is lost, nothing twice."""
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


@pytest.mark.parametrize("heights", [(0, 3, 1, 5, 0, 2), (1, 1, 4), (5, 0, 5)])
def test_it_may_grow_and_shrink(heights: tuple[int, ...]) -> None:
    """Nothing of what was higher stays."""
    theatre = Theatre()
    for turn, height in enumerate(heights):
        theatre.stage.draw([f"line {turn}"], [f"{turn}-{row}" for row in range(height)])
        seen = theatre.above() + theatre.lines()
        assert seen == [f"line {each}" for each in range(turn + 1)] + [
            f"{turn}-{row}" for row in range(height)
        ]


def test_without_lines_above_the_picture_stays_where_it_is() -> None:
    """Drawn sixty times a second, it does not move."""
    theatre = Theatre()
    for turn in range(50):
        theatre.stage.draw([], [f"{turn}"] * 3)
    assert theatre.lines() == ["49"] * 3
    assert theatre.above() == []


def test_after_the_terminal_has_changed_its_size_it_begins_anew() -> None:
    """What the terminal made of the old picture is wiped away."""
    theatre = Theatre()
    theatre.stage.resized()
    theatre.stage.draw(["one"], ["AAA", "BBB"])
    theatre.stage.resized()
    theatre.stage.draw(["two"], ["CCC"])
    assert theatre.lines() == ["two", "CCC"]


def test_it_leaves_the_terminal_as_it_was() -> None:
    """With a cursor again, below what was drawn; once, and only if it ever drew."""
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
