"""The benchmark of pictures on their way to viewers measures what it says."""

import pytest

from tests.bench import pictures
from tests.bench.pictures import Crowds, Reach


def test_what_reaches_a_viewer_is_counted() -> None:
    """Pixels, and a file that the program makes itself; what was due and did not come is skipped."""
    case = Reach(32, 24, 20, "jpeg", ())
    for how in ("pixels", "Pillow"):
        figures = pictures.reach(case, how, 0.5)
        assert 0 <= figures["skipped"] < 10
        assert 0 < figures["fps"] < 40
        assert figures["call_ms"] > 0
        assert figures["p50_ms"] > 0


def test_originals_and_small_pictures_are_told_apart() -> None:
    """Each frame is encoded once for all; the small ones are smaller."""
    figures = pictures.variants(Crowds(2, 640, 320, 10, 3), 0.5)
    assert figures["encodings"] + figures["skipped"] / 5 == pytest.approx(1)
    assert figures["share"] < 0.5
    assert figures["original_kb"] > 100
    assert figures["lost"] == 0
    assert figures["ratio"] > 0
