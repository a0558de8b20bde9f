"""The settings of the source `demo`."""

import pytest

from beats.adapters.sources.demo.settings import DemoSettings


def test_the_demo_needs_no_settings() -> None:
    """Its defaults are a whole show; its rate has bounds."""
    assert (DemoSettings(type="demo").fps, DemoSettings(type="demo").width) == (30, 64)
    with pytest.raises(ValueError, match="less than or equal to 240"):
        DemoSettings(type="demo", fps=241)
