"""Whether the servers that a profile connects to are there."""

import socket
from typing import Literal

import pytest

from beats.adapters.sinks.mqtt import MqttSinkSettings
from beats.config.schema import AdapterKey
from beats.doctor import servers
from beats.doctor.findings import Finding
from beats.kernel.resources import Resources, Server
from beats.runtime.conflicts import Part
from tests.support.nats import free_port


def found(host: str, port: int, protocol: Literal["tcp", "udp"] = "tcp") -> Finding:
    settings = MqttSinkSettings(type="mqtt", host=host, port=port)
    part = Part(AdapterKey("sinks", "home"), settings, Resources(), None)
    (finding,) = servers.server(part, Server("host", host, port, protocol))
    return finding


def test_a_server_that_listens_is_fine() -> None:
    """It is connected to, and told nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert found("127.0.0.1", port) == Finding(
            f"server 127.0.0.1:{port}", "ok", "accepts connections; sinks.home connects to it"
        )


def test_a_server_that_is_not_there_is_a_warning() -> None:
    """It may be started later; the setting is named, and why there is no connection."""
    port = free_port()
    finding = found("127.0.0.1", port)
    assert finding.level == "warning"
    assert finding.found == f"sinks.home: no connection to 127.0.0.1:{port}: Connection refused"
    assert finding.advice == "start it, or correct sinks.home.host"


@pytest.mark.parametrize("host", ["no-such-host.invalid", "x" * 300])
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_name_that_is_not_known_is_a_warning(host: str, protocol: Literal["tcp", "udp"]) -> None:
    """Nothing was tried to connect to, so nothing has to be started."""
    finding = found(host, 1, protocol)
    assert finding.level == "warning"
    assert finding.found.startswith(f"sinks.home: the name {host!r:.80} is not known: ")
    assert "correct sinks.home.host; " in str(finding.advice)


def test_a_server_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host name that takes long to look up, or a machine that is off."""
    monkeypatch.setattr(servers, "_ANSWER_S", 0.05)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with socket.create_connection(full.getsockname()), socket.socket() as second:
            second.setblocking(False)
            second.connect_ex(full.getsockname())
            assert found("127.0.0.1", full.getsockname()[1]).level == "warning"


def test_of_a_udp_port_the_way_is_known() -> None:
    """Whether anything listens there is not: nothing is sent."""
    port = free_port()
    finding = found("127.0.0.1", port, "udp")
    assert (finding.level, finding.found.partition(";")[0]) == ("ok", "has an address")
