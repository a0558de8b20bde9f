"""Channels that are peripherals."""

from typing import Any

import pytest
from pydantic import ValidationError

from beats.adapters.led.patch import Patch, PatchSettings
from beats.adapters.sources.artnet.settings import ArtNetSourceSettings
from beats.adapters.sources.sacn.settings import SacnSourceSettings

LEVELS = bytes(range(10, 20))


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ({"channel": 1}, 10),
        ({"channel": 3, "bits": 16}, 12 << 8 | 13),
        ({"channel": 2, "count": 3}, [11, 12, 13]),
        ({"channel": 2, "count": 2, "bits": 16}, [11 << 8 | 12, 13 << 8 | 14]),
        ({"channel": 10, "bits": 16}, 19 << 8),
        ({"channel": 512}, 0),
    ],
)
def test_a_value_is_one_or_two_channels(given: dict[str, Any], value: object) -> None:
    """Counted from 1, coarse before fine; channels that were not sent are 0."""
    assert PatchSettings(**given).value(LEVELS) == value


def test_only_changes_are_told() -> None:
    """Each from its universe: that of the source unless it names one."""
    patch = Patch({"a": PatchSettings(channel=1), "b": PatchSettings(channel=1, universe=7)}, 3)
    assert [*patch.changes({3: b"\x05"})] == [("a", 5)]
    assert [*patch.changes({3: b"\x05", 7: b"\x00"})] == [("b", 0)]
    assert [*patch.changes({3: b"\x06", 7: b"\x00"})] == [("a", 6)]


@pytest.mark.parametrize(
    ("model", "given", "said"),
    [
        (SacnSourceSettings, {}, "give size for a picture, peripherals for single channels, or both"),
        (
            SacnSourceSettings,
            {"peripherals": {"pan": {"channel": 512, "bits": 16}}},
            "channel 512 with 1 values of 16 bits ends at channel 513; a universe ends at 512",
        ),
        (
            SacnSourceSettings,
            {"peripherals": {"pan": {"channel": 1, "universe": 0}}},
            "peripherals.pan.universe is 0; sACN has 1 to 63999",
        ),
        (
            ArtNetSourceSettings,
            {"peripherals": {"pan": {"channel": 1, "universe": 32_768}}},
            "peripherals.pan.universe is 32768; Art-Net has 0 to 32767",
        ),
        (ArtNetSourceSettings, {"size": (20, 10), "universe": 32_767}, "and Art-Net ends at 32767"),
        (
            ArtNetSourceSettings,
            {"size": (20, 10), "layout": {"rows": 3}},
            "10 pixels cannot be cut into 3 panels",
        ),
    ],
)
def test_wrong_settings_are_refused_with_what_would_be_right(
    model: type[Any], given: dict[str, Any], said: str
) -> None:
    """With the setting's name."""
    with pytest.raises(ValidationError) as refused:
        model(type="desk", **given)
    assert said in str(refused.value)
