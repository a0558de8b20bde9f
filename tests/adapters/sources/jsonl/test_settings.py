"""The settings of the source `jsonl`."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from beats.adapters.sources.jsonl import JsonlSettings
from beats.kernel.resources import Input, Resources


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"path": ""}, "path"),
        ({"follow": True}, "follow is for files"),
        ({"follow": True, "path": "-"}, "follow is for files"),
        ({"max_line_bytes": 0}, "max_line_bytes"),
        ({"file": "a"}, "file"),
    ],
)
def test_invalid_settings_are_refused(wrong: dict[str, object], message: str) -> None:
    """Standard input cannot be followed, because it ends when its writer closes it."""
    with pytest.raises(ValidationError, match=message):
        JsonlSettings.model_validate({"type": "jsonl", **wrong})


@pytest.mark.parametrize(
    ("settings", "inputs"),
    [
        (JsonlSettings(type="jsonl", path="a"), (Input("path", Path("a")),)),
        (JsonlSettings(type="jsonl", path="a", follow=True), (Input("path", Path("a"), may_come=True),)),
        (JsonlSettings(type="jsonl"), ()),
    ],
)
def test_it_needs_its_file(settings: JsonlSettings, inputs: tuple[Input, ...]) -> None:
    """A followed file may come later; standard input is always there."""
    assert settings.resources("x") == Resources(inputs=inputs)
