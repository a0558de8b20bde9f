"""Amounts as a person reads them."""

import pytest

from beats.kit.amounts import amount


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (268_435_456, "268.4 MB"),
        (4.2e9, "4.2 GB"),
        (9e14, "900.0 TB"),
        (9e18, "9,000,000.0 TB"),
    ],
)
def test_bytes_are_shown_in_a_unit_that_keeps_them_short(count: float, expected: str) -> None:
    """Of 1000 of the one below."""
    assert amount(count) == expected
