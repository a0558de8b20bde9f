"""What the source `jsonl` needs to start."""

from pathlib import Path

from beats.adapters.sources.jsonl import SOURCE, JsonlSettings
from beats.adapters.sources.jsonl.resources import resources
from beats.kernel.resources import Input, Resources


def test_it_needs_its_file() -> None:
    """Standard input is always there; a file that is followed may come later."""
    assert resources(JsonlSettings(type="jsonl", path="a"), "x") == Resources(
        inputs=(Input("path", Path("a")),)
    )
    followed = JsonlSettings(type="jsonl", path="a", follow=True)
    assert resources(followed, "x") == Resources(inputs=(Input("path", Path("a"), may_come=True),))
    assert resources(JsonlSettings(type="jsonl"), "x") == Resources()
    assert SOURCE.resources is resources
