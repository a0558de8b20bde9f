"""The settings of the source `websocket`."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from beats.adapters.sources.websocket import WebSocketSourceSettings


def test_an_address_is_that_of_viewers() -> None:
    """Also behind a proxy with a path."""
    for url in ("ws://host", "ws://host:8765/", "wss://host/a/path", "ws://[::1]:8765"):
        assert WebSocketSourceSettings(type="websocket", url=url).url == url


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        *(({"url": url}, "must be an address") for url in ("http://host", "host:8765", "ws://", "ws://[::1")),
        *(({"url": url}, "must be an address") for url in ("ws://host:99999", "ws://host:0")),
        ({"url": "ws://host?token=hush"}, "must end before the query"),
        ({"url": "ws://ann:hush@host"}, "must hold no user"),
        ({"token": SecretStr("hush"), "token_file": Path("x")}, "two places for one secret"),
        ({"tls_ca": Path("x")}, "tls_ca is for an address that begins with wss://"),
        ({"kinds": ()}, "at least 1"),
        ({"kinds": ("sound",)}, "'frame' or 'peripheral'"),
        ({"topics": ("a,b",)}, "match"),
        ({"topics": ("",)}, "at least 1"),
        ({"topics": tuple("abcdefghijklmnopqrstuvwxyzabcdefg")}, "at most 32"),
        ({"max_fps": 0.0}, "greater than 0"),
        ({"queue": {"overflow": "block"}}, "cannot wait or get an error"),
    ],
)
def test_contradictory_settings_are_refused(changes: dict[str, Any], why: str) -> None:
    """Before anything starts."""
    with pytest.raises(ValidationError, match=why):
        WebSocketSourceSettings.model_validate({"type": "websocket", **changes})
