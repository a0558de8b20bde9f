"""Which adapters there are, and what they need."""

import json
import subprocess
import sys
from typing import Final

import pytest

from beats.adapters.sinks.null import NullSettings
from beats.adapters.sinks.websocket import WebSocketSettings
from beats.kernel.resources import Resources
from beats.kit.connecting import LINK_METRICS
from beats.runtime.registry import SINKS, SOURCES, InstalledAdapters, kind_of, metric_texts, resources_of

ADAPTERS: Final = [("sinks", name) for name in SINKS.names()] + [
    ("sources", name) for name in SOURCES.names()
]


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


@pytest.fixture(scope="module")
def loaded() -> dict[str, list[str]]:
    """What the settings of each adapter load: each in a fork of a process that has loaded none."""
    code = """
import json, os, sys
from beats.runtime.registry import kind_of
runs = ("websockets", "PIL", "mcap", "anyio", "asyncio", "zstandard")
for group, name in json.loads(sys.argv[1]):
    if not os.fork():
        kind_of(group, name)
        print(json.dumps([f"{group}.{name}", [name for name in runs if name in sys.modules]]), flush=True)
        os._exit(0)
    os.wait()
"""
    command = [sys.executable, "-c", code, json.dumps(ADAPTERS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(line) for line in done.stdout.splitlines())


@pytest.mark.parametrize(("group", "name"), ADAPTERS)
def test_settings_are_had_without_what_runs_on_them(
    loaded: dict[str, list[str]], group: str, name: str
) -> None:
    """A check of the settings imports no server, no picture library and no event loop."""
    assert loaded[f"{group}.{name}"] == []
