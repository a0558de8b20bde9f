"""Which adapters there are, and what they need."""

import subprocess
import sys

import pytest

from beats.adapters.sinks.null import NullSettings
from beats.adapters.sinks.websocket import WebSocketSettings
from beats.kernel.resources import Resources
from beats.kit.connecting import LINK_METRICS
from beats.runtime.registry import SINKS, SOURCES, InstalledAdapters, kind_of, metric_texts, resources_of


def test_an_adapter_is_found_in_its_group() -> None:
    """A sink is no source."""
    assert kind_of("sinks", "websocket") is SINKS.find("websocket")
    assert kind_of("sources", "demo") is SOURCES.find("demo")
    assert InstalledAdapters().settings("sinks", "websocket") is WebSocketSettings
    with pytest.raises(LookupError):
        kind_of("sources", "recorder")


def test_each_adapter_says_what_it_needs() -> None:
    """By its settings; many need nothing."""
    assert resources_of(NullSettings(type="null"), "x") == Resources()
    assert resources_of(WebSocketSettings(type="websocket"), "x").ports


def test_metrics_that_share_a_name_say_what_each_adapter_means() -> None:
    """Prometheus has one text for one name; what several adapters say in the same words is there once."""
    for name in ("command", "mqtt", "nats"):
        SOURCES.find(name)
    texts = metric_texts("sources")
    command, mqtt = (SOURCES.find(name).metrics["messages_total"] for name in ("command", "mqtt"))
    assert f"command: {command} mqtt: {mqtt}" in texts["messages_total"]
    assert texts["connected"] == LINK_METRICS["connected"]


@pytest.mark.parametrize(("group", "name"), [("sinks", name) for name in SINKS.names()] + [
    ("sources", name) for name in SOURCES.names()
])  # fmt: skip
def test_settings_are_had_without_what_runs_on_them(group: str, name: str) -> None:
    """A check of the settings imports no server, no picture library and no event loop."""
    code = f"""
import sys
from beats.runtime.registry import kind_of
kind_of({group!r}, {name!r})
runs = ("websockets", "PIL", "mcap", "anyio", "asyncio", "zstandard")
print([name for name in runs if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
