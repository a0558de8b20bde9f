"""The benchmark of encoders measures what it says."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.bench import pixels


def test_all_figures_are_printed_and_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For each size: every encoder, every way to hand pixels over, and the targets."""
    monkeypatch.setattr(pixels, "SIZES", ((16, 12), (8, 8)))
    file = tmp_path / "figures.json"
    monkeypatch.setattr("sys.argv", ["pixels", "--rounds", "1", "--json", str(file)])
    pixels.main()
    report = json.loads(file.read_text())
    for size in ({"width": 16, "height": 12}, {"width": 8, "height": 8}):
        rows = [row for row in report["encoders"] if size.items() <= row.items()]
        assert {"Beats PNG", "Pillow PNG", "Pillow PNG level 1"} <= {row["encoder"] for row in rows}
        assert all(row["is_exact"] for row in rows if "PNG" in row["encoder"])
        assert len([row for row in report["copies"] if size.items() <= row.items()]) == 9
    assert [(row["width"], row["height"]) for row in report["calls"]] == [(16, 12), (8, 8)]
    assert all(row["times_plain"] > 0 < row["times_hot"] for row in report["calls"])
    assert report["submit"]["asleep_us"] > 0
    assert set(report["threads"]) == {"png", "jpeg", "webp"}
    printed = capsys.readouterr().out
    assert printed.count("faster than Pillow PNG level 1") == 2
    assert printed.count("the size of level 1") == 2


def test_a_ratio_is_the_median_within_the_rounds() -> None:
    """Not the ratio of medians: another program's burst falls on one round alone."""
    taken = {"one": [2.0, 30.0, 4.0], "base": [1.0, 10.0, 2.0]}
    assert pixels.ratio(taken, "one", "base") == 2.0


def test_the_scene_has_noise_and_is_always_the_same() -> None:
    """Noise of two levels up and down, so that no encoder finds flat colours."""
    flat, noisy = pixels.scene(64, 48, noise=0), pixels.scene(64, 48)
    apart = np.abs(flat.astype(int) - noisy.astype(int))
    assert 0 < apart.mean() < apart.max() <= 3
    assert np.array_equal(noisy, pixels.scene(64, 48))
