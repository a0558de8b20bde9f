"""What the source `replay` needs to start."""

from pathlib import Path

from beats.adapters.sources.replay import SOURCE, ReplaySettings
from beats.adapters.sources.replay.claims import claims
from beats.kernel.claims import Claims, Input


def test_it_needs_its_recordings() -> None:
    """Each file, or folder with those below it, with the home folder spelt out."""
    settings = ReplaySettings(type="replay", path=("a.mcap", "~/b"))
    assert claims(settings, "x") == Claims(
        inputs=(
            Input("path", Path("a.mcap"), "any", (".mcap", ".mcap.part"), is_deep=True),
            Input("path", Path.home() / "b", "any", (".mcap", ".mcap.part"), is_deep=True),
        )
    )
    assert SOURCE.claims is claims
