"""How many examples hypothesis draws."""

from typing import Final

from hypothesis import settings

_USUAL: Final = 100
"""Hypothesis draws so many if told nothing; the profile `quick` of tests/conftest.py draws fewer."""


def draws(count: int) -> int:
    """As many as a test is worth in CI; elsewhere as large a part of them as the profile has."""
    profile = settings.default
    assert profile is not None
    return max(1, count * profile.max_examples // _USUAL)
