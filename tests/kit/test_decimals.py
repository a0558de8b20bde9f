"""Numbers that people write."""

import pytest

from beats.kit.decimals import decimal


@pytest.mark.parametrize(("text", "expected"), [("10", 10), ("0.5", 0.5), (".5", 0.5), ("5.", 5), ("007", 7)])
def test_plain_decimal_numbers_are_numbers(text: str, expected: float) -> None:
    """With or without a fraction."""
    assert decimal(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "1_0",
        "1e1",
        "+1",
        "-1",
        " 1",
        "1\n",
        "nan",
        "inf",
        "0x1",
        "1,5",
        "\N{ARABIC-INDIC DIGIT ONE}",
    ],
)
def test_what_only_python_takes_for_a_number_is_none(text: str) -> None:
    """A typing error must not become a number."""
    assert decimal(text) is None
