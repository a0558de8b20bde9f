"""What the recorder needs to start."""

from pathlib import Path
from typing import Any

import pytest

from beats.adapters.sinks.recorder import SINK, RecorderSettings
from beats.adapters.sinks.recorder.resources import resources
from beats.kernel.resources import Output, Package, Resources


def of(**settings: Any) -> Resources:
    return resources(RecorderSettings(type="recorder", **settings), "studio")


def test_it_claims_its_file() -> None:
    """A name without time and number must be free; any other is made to be."""
    assert of(path="a/{profile}.mcap").outputs == (Output("path", Path("a/studio.mcap"), is_new=True),)
    assert of(path="a-{part}.mcap").outputs == (Output("path", Path("a-1.mcap")),)
    assert SINK.resources is resources


@pytest.mark.parametrize("settings", [{"idle": True}, {"snapshot_s": 5.0}])
def test_a_recorder_that_waits_to_be_told_counts_any_name_on(settings: dict[str, Any]) -> None:
    """A file of its name, from the last time it was told, is in nobody's way."""
    assert of(path="a.mcap", **settings).outputs == (Output("path", Path("a.mcap")),)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"keep_bytes": 10**9}, ["keep_bytes: the file that is being written is not counted, and may grow"]),
        ({"keep_bytes": 10**9, "rotate_bytes": 0}, ["keep_bytes: the file that is being written is not"]),
        ({"keep_bytes": 10**9, "rotate_bytes": 10**8}, []),
        ({"keep_parts": 3, "rotate_bytes": 0, "rotate_s": 0}, ["keep_parts: nothing is deleted while this"]),
        ({"keep_parts": 3, "rotate_bytes": 0, "rotate_s": 0, "idle": True}, []),
        ({"keep_parts": 3}, []),
        ({"rotate_bytes": 0, "rotate_s": 0}, []),
    ],
)
def test_a_ring_that_will_exceed_its_bound_is_doubted(settings: dict[str, Any], said: list[str]) -> None:
    """It counts finished files, so what is being written must be small against its bound."""
    doubts = [f"{doubt.key}: {doubt.text}" for doubt in of(**settings).doubts]
    assert len(doubts) == len(said)
    assert all(doubt.startswith(begin) for doubt, begin in zip(doubts, said, strict=True))


def test_the_same_template_is_the_same_file() -> None:
    """Whenever it is asked for."""
    assert of() == of()
    assert of().outputs[0].is_new is False


@pytest.mark.parametrize(("compression", "module"), [("lz4", "lz4.frame"), ("zstd", "zstandard")])
def test_a_compressor_is_a_package(compression: str, module: str) -> None:
    """Without compression none is needed."""
    assert [package.module for package in of(compression=compression).packages] == [module]
    assert all(isinstance(package, Package) for package in of(compression=compression).packages)
    assert of().packages == ()
