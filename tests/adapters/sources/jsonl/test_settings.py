"""The settings of the source `jsonl`."""

import pytest

from beats.adapters.sources.jsonl.settings import JsonlSettings


def test_only_a_file_can_be_followed() -> None:
    """Standard input ends when its writer closes it."""
    assert JsonlSettings(type="jsonl", path="x", follow=True).follow
    with pytest.raises(ValueError, match="follow is for files"):
        JsonlSettings(type="jsonl", follow=True)
