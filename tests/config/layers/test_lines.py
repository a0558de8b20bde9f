"""The lines of keys, compared with the keys that the parser finds."""

import tomllib
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beats.config.layers.lines import lines_of
from beats.config.layers.merging import LineNumbers
from beats.config.layers.profiles import SHIPPED
from beats.config.toml_text import key_text
from tests.config.fakes import EXPLORE, TEXTS, VALUES, to_document


def lines(text: str) -> Mapping[str, int]:
    found: LineNumbers = lines_of(text, tomllib.loads(text))
    return {"/".join(path): line for path, line in found.items()}


def test_tables_and_their_keys_have_lines() -> None:
    """Comments and blank lines count; a table has the line of its heading."""
    text = "# first\n\ntop = 1\n[a]\n# x = 9\nx = 1 # [no] table\n  y=2\n[a.b]\nz = 'a = 1'\n"
    assert lines(text) == {"top": 3, "a": 4, "a/x": 6, "a/y": 7, "a/b": 8, "a/b/z": 9}


def test_dotted_and_quoted_keys_have_lines() -> None:
    """A table without a heading has the line of the first key that names it."""
    text = """a . b = 1\na.c = 2\n"q \\u0041\\"." = 3\n'l.i'."t" = 4\n[x."y.z"]\nw = 1\n[x]\nv = 1\n"""
    assert lines(text) == {
        "a": 1, "a/b": 1, "a/c": 2, 'q A".': 3, "l.i": 4, "l.i/t": 4,
        "x": 7, "x/y.z": 5, "x/y.z/w": 6, "x/v": 8,
    }  # fmt: skip


def test_keys_of_inline_tables_have_lines() -> None:
    """Also after a value of several lines; keys of tables in arrays have none."""
    text = (
        "q = { size = 1, frame = { n = [\n1, # }\n2 ], o = 2 }, x.y = {} }\nr = [ { s = 1 }, { } ]\nt = 1\n"
    )
    assert lines(text) == {
        "q": 1, "q/size": 1, "q/frame": 1, "q/frame/n": 1, "q/frame/o": 3, "q/x": 3, "q/x/y": 3,
        "r": 4, "t": 5,
    }  # fmt: skip


@pytest.mark.parametrize(
    "value",
    [
        '"""\na = 1\n[b]\n"""', "'''\na = 1\n'''", '"""a\\""" \n"""', '"""quotes: """""', "'''a'''''",
        "[\n'a', # ]\n[1, 2],\n]", '""', "''", '"\\\\"', "1979-05-27 07:32:00", "-1_000.5e+3", "true",
        '"""\\\n  x \\\n  """', '"#"', "'#' # '",
    ],
)  # fmt: skip
def test_a_value_is_skipped(value: str) -> None:
    """Whatever it contains, the next key has its own line."""
    text = f"v = {value}\nnext = 1\n"
    assert lines(text) == {"v": 1, "next": 2 + value.count("\n")}


def test_lines_may_end_with_a_carriage_return() -> None:
    """As on Windows."""
    assert lines("# x\r\n[a]\r\nb = 1\r\nc = '2' \r\n") == {"a": 2, "a/b": 3, "a/c": 4}


@pytest.mark.parametrize("text", ["[[a]]\nb = 1\n[[a]]\n", "x = 1\n[[a.b]]\n"])
def test_arrays_of_tables_have_no_lines(text: str) -> None:
    """A path does not tell which element of the array it means."""
    assert lines(text) == {}


@pytest.mark.parametrize(
    "text", ["a = 1\nb = 2\n", "= 1", "a 1", '"\\x" = 1', "a = ", "a = [1", "a = {b", "["]
)
def test_a_text_that_does_not_match_its_content_has_no_lines(text: str) -> None:
    """A file that changed meanwhile, or syntax that the scan does not understand."""
    assert lines_of(text, {"a": 1}) == {}
    assert lines_of("a = " + "[" * 100_000, {"a": []}) == {}


@EXPLORE
@given(st.dictionaries(TEXTS, st.dictionaries(TEXTS, VALUES, max_size=4), max_size=4))
def test_each_key_is_in_its_line(content: dict[str, dict[str, object]]) -> None:
    """For any content: no key is missed, and each line contains its key."""
    text = ""
    for table, items in content.items():
        text += f"\n# x\n[{key_text(table)}]\n{to_document(items)}"
    tree = tomllib.loads(text)
    found = lines_of(text, tree)
    assert {path[0] for path in found if len(path) == 1} == set(content)
    written = text.split("\n")
    for path, line in found.items():
        assert key_text(path[-1]) in written[line - 1]


def test_the_shipped_profiles_have_lines() -> None:
    """For most users, these are the lines shown."""
    for path in SHIPPED.glob("*.toml"):
        assert lines(path.read_text(encoding="utf-8"))
