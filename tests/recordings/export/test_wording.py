"""How much was written, in words."""

from beats.recordings.export.wording import counted, megabytes


def test_one_is_no_plural() -> None:
    """The noun agrees with the number, and large numbers are grouped."""
    assert [counted(number, "frame") for number in (0, 1, 1234)] == ["0 frames", "1 frame", "1,234 frames"]


def test_small_sizes_are_exact() -> None:
    """A few bytes are told as such, more of them in megabytes."""
    assert [megabytes(size) for size in (0, 9999, 10_000, 1_234_567_890)] == [
        "0 bytes",
        "9,999 bytes",
        "0.01 MB",
        "1,234.57 MB",
    ]
