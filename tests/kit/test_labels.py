"""Tags and places as mappings; what lines of JSON may say stands in sources/jsonl/test_parse.py."""

from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest

from beats.kernel.envelope import Location, Tag
from beats.kit.labels import location, shown, tag


def test_any_mapping_will_do() -> None:
    """Not only those that JSON gives."""
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
def test_a_wrong_value_is_shown_in_few_words(value: Any, expected: str) -> None:
    """Whatever it is, also what JSON does not have."""
    assert shown(value) == expected


def test_a_key_that_is_no_text_is_unknown() -> None:
    """And not a failure of the look for a similar one."""
    with pytest.raises(ValueError, match="location has an unknown key 7: known are x, y, z, time"):
        location({7: 1})
