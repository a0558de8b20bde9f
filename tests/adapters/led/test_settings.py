"""What is wrong with the settings of a wall is told, with what would be right."""

from typing import Any

import pytest
from pydantic import ValidationError

from beats.adapters.led.hosts import HostPort
from beats.adapters.led.settings import LedSettings
from beats.adapters.sinks.artnet.settings import ArtNetSettings
from beats.adapters.sinks.ddp.settings import DdpSettings
from beats.adapters.sinks.sacn.settings import SacnSettings
from beats.kernel.resources import Server
from tests.adapters.led.support import sacn, wall


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("wled.local", ("wled.local", 4048)),
        (" 10.0.0.5:7 ", ("10.0.0.5", 7)),
        ("[fe80::1]:7", ("fe80::1", 7)),
        ("fe80::1", ("fe80::1", 4048)),
    ],
)
def test_a_host_may_have_a_port(text: str, found: tuple[str, int]) -> None:
    """By default it is that of the protocol."""
    assert HostPort.of(text, 4048) == found


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"host": ["http://wled.local"]},
            "host.0: Value error, 'http://wled.local' is not a host: give",
        ),
        (
            {"host": ["a:0"]},
            "host.0: Value error, 'a:0' has the port '0'; it must be a number from 1 to 65535",
        ),
        ({"host": ["a b"]}, "host.0: Value error, 'a b' is not a host: give a name or an address"),
        ({"host": []}, "host: Value error, give the name or address of at least one controller"),
        (
            {"color_order": "rgg"},
            "color_order: Value error, give each of the letters r, g and b once, and w if",
        ),
        (
            {"layout": {"columns": 3}},
            ": Value error, size is [4, 2], and layout.columns is 3: 4 pixels cannot be cut into 3 panels",
        ),
        (
            {"layout": {"columns": 2, "rotation": [0, 90, 180]}},
            ": Value error, layout.rotation has 3 numbers for 2 panels: give one for each, or one for all",
        ),
        (
            {"preview": "a", "preview_layout": {"rows": 3}},
            ": Value error, size is [4, 2], and preview_layout.rows is 3: 2 pixels cannot be cut",
        ),
        ({"preview_layout": {}}, ": Value error, preview_layout needs preview: give the id of the picture"),
        ({"preview": "a", "picture": "a"}, ": Value error, preview and picture are both 'a': the wall would"),
    ],
)
def test_what_is_wrong_is_said(given: dict[str, Any], said: str) -> None:
    """The key, the value, and what would be right."""
    with pytest.raises(ValidationError) as raised:
        wall(**given)
    error, *_ = raised.value.errors()
    assert f"{'.'.join(map(str, error['loc']))}: {error['msg']}".startswith(said)


@pytest.mark.parametrize("model", [ArtNetSettings, DdpSettings, SacnSettings])
def test_a_wall_has_a_size(model: type[LedSettings]) -> None:
    """A source of universes needs none; a sink cannot do without."""
    with pytest.raises(ValidationError, match=r"size\n  Field required"):
        model.model_validate({"type": "wall", "host": "10.0.0.5"})


def test_the_doctor_is_told_of_each_controller() -> None:
    """It may be switched on later; multicast has none to look for."""
    servers = (Server("host", "wled.local", 4048, "udp"), Server("host", "10.0.0.5", 7, "udp"))
    needed = wall(host=["wled.local", "10.0.0.5:7"]).resources("x")
    assert (needed.servers, needed.connections) == (servers, 2)
    needed = sacn(host=[]).resources("x")
    assert (needed.servers, needed.connections) == ((), 1)
