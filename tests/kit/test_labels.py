"""Tags and locations from mappings; tests/adapters/sources/jsonl/test_lines.py covers those from JSON."""

import math
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest

from beats.kernel.envelope import Location, Tag
from beats.kit.labels import location, shown, tag


def test_a_coordinate_that_is_not_known_is_none() -> None:
    """It is NaN on the wire, and null in the JSON that `beats tap` prints."""
    found = location({"x": None, "y": 2})
    assert math.isnan(found.x)
    assert (found.y, found.z) == (2.0, 0.0)


def test_any_mapping_is_accepted() -> None:
    """Not only dictionaries."""
    given = MappingProxyType({"name": "a", "metadata": MappingProxyType({"b": "c"})})
    assert tag(given, "tags[0]") == Tag("a", "", {"b": "c"})
    time = datetime(2024, 5, 1, tzinfo=UTC)
    assert location(MappingProxyType({"z": 1, "time": time})) == Location(0.0, 0.0, 1.0, time)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal(1), "of type Decimal"),
        ({1: 2}, "an object"),
        ([1], "a list"),
        ("a" * 100, f'"{"a" * 59}…'),
        (10**100, "a huge number"),
        (None, "null"),
    ],
)
def test_a_wrong_value_is_quoted_briefly(value: Any, expected: str) -> None:
    """Including types that JSON lacks."""
    assert shown(value) == expected


def test_a_key_that_is_not_text_is_unknown() -> None:
    """The search for similar keys must not fail."""
    with pytest.raises(ValueError, match="location has an unknown key 7: known are x, y, z, time"):
        location({7: 1})
