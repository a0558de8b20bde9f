"""Numbers as text."""

import pytest

from beats.kit import units


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999, "999"),
        (12345, "12,345"),
        (9_999_999, "9,999,999"),
        (10**7, "10M"),
        (123 * 10**8, "12G"),
    ],
)
def test_counts_are_exact_up_to_ten_million(number: int, text: str) -> None:
    """Then rounded."""
    assert units.count(number) == text


@pytest.mark.parametrize(
    ("per_s", "text"),
    [(None, units.UNKNOWN), (0, "0"), (0.01, "<0.1"), (0.5, "0.5"), (59.94, "59.9"), (999.9, "999.9"),
     (1234, "1.2k"), (45_678, "46k"), (2_500_000, "2.5M")],
)  # fmt: skip
def test_rates_have_a_fitting_precision(per_s: float | None, text: str) -> None:
    """An unknown rate is not shown as 0, nor is a small one."""
    assert units.rate(per_s) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, units.UNKNOWN), (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (19_950, "20 kB"),
     (999_499, "999 kB"), (999_600, "1.0 MB"), (83.5e9, "84 GB"), (5e15, "5 PB")],
)  # fmt: skip
def test_sizes_have_a_fitting_unit(number: float | None, text: str) -> None:
    """In powers of 1000, as for disks and networks."""
    assert units.size(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, units.UNKNOWN), (0, "0.0 ms"), (0.00041, "0.4 ms"), (0.012, "12 ms"), (0.9994, "999 ms"),
     (0.9996, "1.0 s"), (12.34, "12.3 s"), (99.94, "99.9 s"), (100, "1:40"), (-0.5, "-500 ms"),
     (-5000, "-1:23:20")],
)  # fmt: skip
def test_short_times_have_a_fitting_unit(seconds: float | None, text: str) -> None:
    """Down to a tenth of a millisecond; negative if a clock is ahead."""
    assert units.duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0 s"), (59.9, "59 s"), (60, "1:00"), (3599, "59:59"), (3661, "1:01:01"), (86399, "23:59:59"),
     (86400, "1 d 0 h"), (8.6e6, "99 d 12 h")],
)  # fmt: skip
def test_long_times_are_rounded_down(seconds: float, text: str) -> None:
    """To whole seconds."""
    assert units.age(seconds) == text


def test_every_number_fits_its_width() -> None:
    """So that columns do not move."""
    for power in range(-6, 16):
        for digits in (1, 4.4444, 9.9499, 9.95, 9.9999):
            number = digits * 10.0**power
            assert len(units.count(number)) <= 9
            assert len(units.rate(number)) <= 6
            assert len(units.size(number)) <= 7
            if number < 100 * 86400:
                assert len(units.duration(number)) <= 9
                assert len(units.age(number)) <= 9


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00.0"), (62.56, "1:02.5"), (599.99, "9:59.9"), (3602.5, "1:00:02.5"), (360000, "100:00:00.0")],
)
def test_a_place_is_shown_in_minutes_or_hours(seconds: float, text: str) -> None:
    """With tenths, cut and not rounded, so that it never shows a time that has not come."""
    assert units.clock(seconds) == text


def test_nouns_agree_with_their_number() -> None:
    """Large numbers are grouped."""
    assert [units.counted(number, "frame") for number in (0, 1, 1234)] == [
        "0 frames",
        "1 frame",
        "1,234 frames",
    ]
