"""The settings of what connects."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from beats.adapters.nats.settings import NatsSettings
from beats.adapters.sinks.nats import NatsSinkSettings
from beats.adapters.sources.nats import NatsSourceSettings
from beats.kit.bounds import queue_bounds
from beats.kit.connecting import InboxSettings

NOWHERE = Path("nowhere")
HUSH = SecretStr("hush")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"tls_cert": NOWHERE}, "tls_cert and tls_key go together"),
        ({"tls_key": NOWHERE}, "tls_cert and tls_key go together"),
        ({"user": "a"}, "user and password .* go together"),
        ({"password": HUSH}, "user and password .* go together"),
        ({"user": "a", "password": HUSH, "password_file": NOWHERE}, "two places for one secret"),
        ({"token": HUSH, "token_file": NOWHERE}, "two places for one secret"),
        ({"token": HUSH, "credentials_file": NOWHERE}, "three ways to log in"),
        ({"user": "a", "password": HUSH, "token_file": NOWHERE}, "three ways to log in"),
        ({"servers": ()}, "at least 1"),
        ({"servers": ("nats://a", "ws://b")}, "must begin with nats://"),
        *(({"prefix": prefix}, "match") for prefix in ("a..b", "a b", "a.>")),
        *(({"stream": stream}, "match") for stream in ("a.b", "a\n", "")),
        ({"reconnect_max_s": 0.0}, "0.01"),
    ],
)
def test_contradictory_settings_are_refused(changes: dict[str, Any], why: str) -> None:
    """Before anything starts; no secret is in the message."""
    with pytest.raises(ValidationError, match=why) as caught:
        NatsSettings.model_validate(changes)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"user": "a", "password_file": NOWHERE},
        {"user": "a", "password": HUSH, "tls_cert": NOWHERE, "tls_key": NOWHERE},
        {"token": HUSH},
        {"credentials_file": NOWHERE},
        {"prefix": "site.hall_1.a-b", "stream": "left"},
        {"servers": ("nats://a", "tls://b:1")},
    ],
)
def test_each_way_to_log_in_is_accepted(changes: dict[str, Any]) -> None:
    """Alone, and with encryption."""
    assert NatsSettings.model_validate(changes).model_dump(exclude_unset=True).keys() == changes.keys()


def test_addresses_are_dumped_without_passwords() -> None:
    """A recording holds the settings of its profile."""
    settings = NatsSettings(servers=("nats://ann:hush@a", "b"), token=HUSH)
    assert settings.model_dump(mode="json")["servers"] == ["nats://a", "b"]
    assert settings.servers[0] == "nats://ann:hush@a"
    assert "hush" not in str(settings.model_dump(mode="json"))


@pytest.mark.parametrize("overflow", ["block", "error"])
@pytest.mark.parametrize("lane", [None, "frame", "peripheral"])
def test_a_network_cannot_be_slowed_down(overflow: str, lane: str | None) -> None:
    """Neither by the queue nor by one of its lanes."""
    changes: dict[str, Any] = {"overflow": overflow} if lane is None else {lane: {"overflow": overflow}}
    with pytest.raises(ValidationError, match="cannot wait or get an error"):
        InboxSettings.model_validate(changes)
    assert InboxSettings.model_validate({"overflow": "latest"}).overflow == "latest"


@pytest.mark.parametrize("model", [NatsSinkSettings, NatsSourceSettings])
def test_queues_keep_fresh_frames(model: type[NatsSinkSettings | NatsSourceSettings]) -> None:
    """At 60 frames a second, the oldest waiting frame is 0.13 s old."""
    bounds = queue_bounds(model(type="nats").queue)
    assert (bounds.size, bounds.overflow) == (1024, "drop_oldest")
    assert (bounds.per_kind["frame"].size, bounds.per_kind["frame"].overflow) == (8, "drop_oldest")


def test_a_relay_may_slow_down_its_producer() -> None:
    """A sink's queue may use `block`. The server's memory for last values has a bound."""
    settings = NatsSinkSettings.model_validate({"type": "nats", "queue": {"overflow": "block"}})
    assert settings.queue.overflow == "block"
    with pytest.raises(ValidationError, match="last_value_max_bytes"):
        NatsSinkSettings.model_validate({"type": "nats", "last_value_max_bytes": 0})
