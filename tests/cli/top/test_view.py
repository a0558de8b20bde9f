"""What keys change."""

import pytest

from beats.cli.top.view import KEYS, TABLES, View

COLUMNS = {"client": False, "dropped": True, "age": True}


def pressed(view: View, *keys: str) -> View:
    for key in keys:
        view = view.pressed(key, COLUMNS, 10)
    return view


@pytest.mark.parametrize(
    ("keys", "column", "falling"),
    [
        ("s", "age", True),
        (">", "age", True),
        ("ss", "client", False),
        ("<", "client", False),
        ("<<", "age", True),
        ("r", "dropped", False),
        ("rr", "dropped", True),
        ("sr", "age", False),
        ("rs", "age", True),
    ],
)
def test_sorting_goes_from_column_to_column(keys: str, column: str, falling: bool) -> None:
    """Round and round, each in its usual order, which `r` turns."""
    found = pressed(View(), *keys)
    assert (found.sorted_by, found.falling) == (column, falling)
    assert pressed(View(), *(">" if key == "s" else key for key in keys)) == found


def test_the_arrows_sort_and_scroll() -> None:
    """Left and right between columns, up and down between lines."""
    assert pressed(View(), "right") == pressed(View(), ">")
    assert pressed(View(), "left") == pressed(View(), "<")
    assert pressed(View(), "down", "down", "up").offset == 1
    assert pressed(View(), "up").offset == 0


def test_pages_and_ends() -> None:
    """Space and b go by what is seen at once, g and G to the ends, as far as there is something to see."""
    assert pressed(View(), " ", " ").offset == 20
    assert pressed(View(), " ", " ", "b").offset == 10
    assert pressed(View(), "G").within(95, 10).offset == 85
    assert pressed(View(), "G", "g").offset == 0
    assert pressed(View(), " ").within(5, 10).offset == 0


def test_another_order_or_table_begins_at_its_top() -> None:
    """Whatever was seen before is somewhere else now."""
    for key in ("s", "r", "\t"):
        assert pressed(View(), " ", key).offset == 0


def test_tab_shows_one_table_after_the_other() -> None:
    """And all of them again."""
    seen = [View()]
    for _ in TABLES:
        seen.append(pressed(seen[-1], "\t"))
    assert [view.table for view in seen] == [*TABLES, TABLES[0]]


def test_help_comes_and_goes() -> None:
    """With the same key."""
    assert pressed(View(), "?").help
    assert not pressed(View(), "?", "?").help
    assert len(KEYS) <= 80


def test_other_keys_change_nothing() -> None:
    """Nor does what page up and the function keys send."""
    for key in ("x", "\x1b", "[", "5", "~", "H", "F", "O", "P", "ä"):
        assert pressed(View(), key) == View()


def test_an_unknown_column_is_no_error() -> None:
    """Sorting begins with those that there are."""
    assert pressed(View(sorted_by="gone"), "s").sorted_by == "dropped"
