"""The settings of a replay."""

from typing import Any

import pytest
from pydantic import ValidationError

from beats.adapters.sources.replay.settings import ReplaySettings
from beats.config.errors import SettingsError
from beats.config.load import load_profile
from beats.runtime.registry import InstalledAdapters


def settings(**changes: Any) -> ReplaySettings:
    return ReplaySettings.model_validate({"type": "replay", "path": "a.mcap"} | changes)


@pytest.mark.parametrize("speed", [0.1, 1, 100, 2.5, "max"])
def test_speeds_from_a_tenth_to_a_hundred_and_max(speed: object) -> None:
    """Both bounds are included."""
    assert settings(speed=speed).speed == speed


@pytest.mark.parametrize("moment", [0, 1.5, 90, "90", "21:30", "21:30:05.5", "2024-05-01T21:30:00+02:00"])
def test_moments_are_seconds_or_times(moment: object) -> None:
    """`start` and `end` have the same formats."""
    assert settings(start=moment).start == moment
    assert settings(end=moment).end == moment


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"path": ""}, "at least 1"),
        ({"path": ()}, "path and kinds must not be empty"),
        ({"path": ("a", "")}, "at least 1"),
        ({"kinds": ()}, "path and kinds must not be empty"),
        ({"kinds": ("sound",)}, "frame"),
        ({"topics": ("",)}, "at least 1"),
        ({"speed": 0.09}, "0.1"),
        ({"speed": 101}, "100"),
        ({"speed": "fast"}, "max"),
        ({"speed": float("inf")}, "finite"),
        ({"start": -1}, "0 or more"),
        ({"start": "noon"}, "give seconds from the beginning"),
        ({"end": "25:00"}, "give seconds from the beginning"),
        ({"end": ""}, "at least 1"),
    ],
)
def test_what_is_wrong_is_refused_with_what_would_be_right(changes: dict[str, Any], said: str) -> None:
    """Before anything opens."""
    with pytest.raises(ValidationError, match=said):
        settings(**changes)


def test_a_profile_may_name_it() -> None:
    """Lists of TOML are accepted; errors name the key."""

    def load(**source: object) -> object:
        overrides = {"sources": {"tape": {"type": "replay", **source}}}
        return load_profile(InstalledAdapters(), environ={}, overrides=overrides).sources["tape"]

    tape = load(path=["a.mcap", "b"], kinds=["frame"], topics=["frame"])
    assert isinstance(tape, ReplaySettings)
    assert (tape.path, tape.kinds, tape.topics) == (("a.mcap", "b"), ("frame",), ("frame",))
    with pytest.raises(SettingsError, match=r"sources\.tape\.start.*give seconds from the beginning"):
        load(path="a.mcap", start="noon")
