"""Settings of the WebSocket sink."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from beats.config.settings import QueueSettings
from tests.adapters.sinks.websocket.support import settings


@pytest.mark.parametrize(
    "queue", [{"overflow": "block"}, {"frame": {"overflow": "block"}}, {"peripheral": {"overflow": "BLOCK "}}]
)
def test_a_client_queue_cannot_block(queue: dict[str, object]) -> None:
    """One viewer must not be able to stall the others, in any lane."""
    with pytest.raises(ValidationError, match="client_queue cannot use overflow 'block'"):
        settings(client_queue=queue)


def test_clients_have_the_sinks_queue_by_default() -> None:
    """Bounds and lanes of the sink's queue hold for each viewer too."""
    bounds = settings(queue={"size": 7, "frame": {"size": 2, "overflow": "latest"}}).client_bounds()
    assert (bounds.size, bounds.overflow) == (7, "drop_oldest")
    assert (bounds.per_kind["frame"].size, bounds.per_kind["frame"].overflow) == (2, "latest")
    assert "peripheral" not in bounds.per_kind


def test_a_blocking_sink_has_clients_that_drop_the_oldest() -> None:
    """No producer can wait for a viewer."""
    bounds = settings(queue={"overflow": "block", "frame": {"overflow": "block"}}).client_bounds()
    assert bounds.overflow == bounds.per_kind["frame"].overflow == "drop_oldest"


def test_the_documented_defaults_hold() -> None:
    """Address, bounds and times that existing clients and operators rely on."""
    config = type(settings())(type="websocket")
    assert (config.host, config.public_host, config.port) == ("localhost", "localhost", 8765)
    assert config.queue == QueueSettings(size=256, overflow="drop_oldest")
    assert config.stall_timeout_s == 10.0
    assert config.emojis == (
        *("poop", "skull", "heart", "star", "rainbow"),
        *("seb", "faye", "will", "clem", "cal", "sri", "lampe", "ditto"),
    )


def test_blanks_around_a_host_are_ignored() -> None:
    """In a file as in a variable; what is empty in a file is an error, since somebody wrote it there."""
    config = settings(host=" 0.0.0.0\n", public_host="\twall.local ")
    assert (config.host, config.public_host) == ("0.0.0.0", "wall.local")
    with pytest.raises(ValidationError, match="host"):
        settings(host="  ")


def test_a_profile_can_insist_on_a_token() -> None:
    """Without one it is refused, and told where to put it."""
    with pytest.raises(ValidationError, match="BEATS_SINKS__BROWSER__TOKEN"):
        settings(require_token=True)
    assert settings(require_token=True, token="x").token is not None
    assert settings(require_token=True, token_file=Path("x")).token_file is not None


def test_origins_are_as_browsers_send_them() -> None:
    """So that each matches; what would never match stops the start."""
    assert settings(origins=("https://Wall.example:443/", "*", "file://")).origins == (
        "https://wall.example",
        "*",
        "file://",
    )
    with pytest.raises(ValidationError, match=r"origins.*\n.* https://wall\.example"):
        settings(origins=("wall.example",))


def test_the_least_rate_leaves_room_for_keepalives() -> None:
    """Each ping and pong is counted as a message is."""
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        settings(max_messages_per_s=0.5)
