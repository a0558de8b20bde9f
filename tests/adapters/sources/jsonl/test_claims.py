"""What the source `jsonl` needs to start."""

from pathlib import Path

from beats.adapters.sources.jsonl import SOURCE, JsonlSettings
from beats.adapters.sources.jsonl.claims import claims
from beats.kernel.claims import Claims, Input


def test_it_needs_its_file() -> None:
    """Standard input is always there; a file that is followed may come later."""
    assert claims(JsonlSettings(type="jsonl", path="a"), "x") == Claims(inputs=(Input("path", Path("a")),))
    followed = JsonlSettings(type="jsonl", path="a", follow=True)
    assert claims(followed, "x") == Claims(inputs=(Input("path", Path("a"), may_come=True),))
    assert claims(JsonlSettings(type="jsonl"), "x") == Claims()
    assert SOURCE.claims is claims
