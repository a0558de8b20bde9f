"""What the source `replay` needs to start."""

from pathlib import Path

from beats.adapters.sources.replay import SOURCE, ReplaySettings
from beats.adapters.sources.replay.resources import resources
from beats.kernel.resources import Input, Resources


def test_it_needs_its_recordings() -> None:
    """Each file, or folder with those below it, with the home folder spelt out."""
    settings = ReplaySettings(type="replay", path=("a.mcap", "~/b"))
    assert resources(settings, "x") == Resources(
        inputs=(
            Input("path", Path("a.mcap"), "any", (".mcap", ".mcap.part"), is_deep=True),
            Input("path", Path.home() / "b", "any", (".mcap", ".mcap.part"), is_deep=True),
        )
    )
    assert SOURCE.resources is resources
