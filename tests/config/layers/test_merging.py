from collections.abc import Mapping
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beats.config.layers.merging import (
    Layer,
    Leaf,
    Level,
    Step,
    Table,
    child,
    mapping_in,
    merge,
    plain,
    where,
)
from tests.config.fakes import EXPLORE


def layer(tree: Mapping[str, object], place: str = "file", level: Level = Level.PROFILE) -> Layer:
    return Layer(level, place, tree)


def merged(*trees: Mapping[str, object]) -> Mapping[str, object]:
    return cast(Mapping[str, object], plain(merge(layer(tree) for tree in trees)))


@pytest.mark.parametrize(
    ("lower", "higher", "expected"),
    [
        (
            {"s": {"b": {"type": "w", "port": 1}}},
            {"s": {"b": {"port": 2}}},
            {"s": {"b": {"type": "w", "port": 2}}},
        ),
        ({"origins": ["a", "b"]}, {"origins": ["c"]}, {"origins": ["c"]}),
        ({"origins": ["a", "b"]}, {"origins": []}, {"origins": []}),
        ({"b": 1, "a": 1}, {"c": 1, "a": 2}, {"b": 1, "a": 2, "c": 1}),
        ({"a": 1}, {"a": {"b": 2}}, {"a": {"b": 2}}),
        ({"a": {"b": 2}}, {"a": 1}, {"a": 1}),
    ],
)
def test_tables_merge_and_anything_else_is_replaced(
    lower: dict[str, object], higher: dict[str, object], expected: dict[str, object]
) -> None:
    """Keys keep the order of the lower layers, new keys come after; tables and values replace each other."""
    found = merged(lower, higher)
    assert found == expected
    assert list(found) == list(expected)


def test_a_value_has_every_layer_that_gave_it() -> None:
    """From the lowest layer to the one in effect."""
    root = merge([
        layer({"a": {"b": 1}}, "default.toml", Level.SHIPPED),
        layer({"a": {"b": 2}}, "BEATS_A__B", Level.VARIABLE),
    ])  # fmt: skip
    leaf = child(child(root, "a"), "b")
    assert isinstance(leaf, Leaf)
    assert leaf == Leaf((Step(Level.SHIPPED, "default.toml", 1), Step(Level.VARIABLE, "BEATS_A__B", 2)))
    assert where(leaf) == "BEATS_A__B"


def test_a_table_names_every_origin_of_its_values() -> None:
    """A fault between two keys may be in either file; overridden values do not count."""
    root = merge([layer({"a": {"x": 1, "y": 1}}, "one"), layer({"a": {"y": 2}}, "two")])
    assert where(root) == "one, two"
    assert where(merge([layer({"a": 1}, "one"), layer({"a": 2}, "two")])) == "two"
    assert where(merge([layer({"a": {}}, "one")])) == "one"


def test_an_origin_in_a_file_has_its_line() -> None:
    """That of the value, or that of the table in each file with a value in effect."""
    lines = {("a",): 3, ("a", "x"): 4, ("a", "y"): 5}
    files = [Layer(Level.PROFILE, name, {"a": {"x": 1, "y": 2}}, lines) for name in ("one", "two")]
    table = child(merge([files[0]]), "a")
    value = child(table, "y")
    assert table is not None
    assert value is not None
    assert (where(table), where(value)) == ("one:3", "one:5")
    assert where(merge(files)) == "two"
    both = child(merge([files[0], layer({"a": {"y": 3}}, "--set a.y", Level.SET)]), "a")
    assert both is not None
    assert where(both) == "one:3, --set a.y"


def test_a_value_has_no_children() -> None:
    """Nor has a missing node."""
    assert child(Leaf((Step(Level.SET, "x", 1),)), "a") is None
    assert child(None, "a") is None
    assert mapping_in({"a": 1}, "a", "b") == {}
    assert mapping_in({"a": {"b": {"c": 1}}}, "a", "b") == {"c": 1}


# Keys of tables and of values have different names. Where layers disagree whether a key is a table,
# the result depends on the grouping.
_values: st.SearchStrategy[object] = st.one_of(
    st.integers(), st.text(max_size=3), st.lists(st.integers(), max_size=3)
)
_flat = st.dictionaries(st.sampled_from(["v1", "v2", "v3"]), _values, max_size=3)


def _deeper(below: st.SearchStrategy[dict[str, object]]) -> st.SearchStrategy[dict[str, object]]:
    tables = st.dictionaries(st.sampled_from(["t1", "t2", "t3"]), below, max_size=3)
    return st.tuples(tables, _flat).map(lambda both: {**both[0], **both[1]})


_trees = st.recursive(_flat, _deeper, max_leaves=8)


@EXPLORE
@given(_trees, _trees, _trees)
def test_merging_is_associative(a: dict[str, object], b: dict[str, object], c: dict[str, object]) -> None:
    """The result does not depend on which neighbours are merged first."""
    assert merged(merged(a, b), c) == merged(a, merged(b, c)) == merged(a, b, c)


@EXPLORE
@given(_trees)
def test_merging_with_nothing_changes_nothing(tree: dict[str, object]) -> None:
    """Nor does merging a layer with itself."""
    assert merged(tree, {}) == merged({}, tree) == merged(tree, tree) == tree


@EXPLORE
@given(_trees, _trees)
def test_merging_leaves_its_input_alone(lower: dict[str, object], higher: dict[str, object]) -> None:
    """The layers are used again."""
    before = repr((lower, higher))
    root = merge([layer(lower), layer(higher)])
    assert isinstance(root, Table)
    assert repr((lower, higher)) == before
