"""The settings in docs/a-million-viewers.md: a stream and its last values come through a leaf node."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from beats.kernel.envelope import Peripheral, Sealed
from tests.support import PORT_0, Program, beats, clean_environment, watching
from tests.support.nats import READY, free_port, installed

PAGE: Final = Path(__file__).parents[2] / "docs" / "a-million-viewers.md"


def settings_on_the_page() -> tuple[str, str]:
    """Those of a server of the origin's cluster, and of one in a region."""
    origins, regions = re.findall(r"^```\n(listen: .*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return origins, regions


def server(folder: Path, name: str, settings: str, changes: Mapping[str, str]) -> Program:
    """A server with these settings, but for what one machine has only one of; a context manager."""
    for before, after in changes.items():
        assert settings.count(before) == 1, f"{before!r} is not once in the settings of the {name}"
        settings = settings.replace(before, after)
    file = folder / f"{name}.conf"
    file.write_text(settings)
    return Program([installed(), "--config", str(file)], folder, clean_environment())


def address(running: Program) -> str:
    return f"nats://127.0.0.1:{running.err.wait_for(READY)[1]}"


def value(envelope: Sealed) -> object:
    assert isinstance(envelope.message, Peripheral)
    return envelope.message.data


def test_an_edge_behind_a_leaf_node_has_the_state_at_once_and_then_the_stream(tmp_path: Path) -> None:
    """What was published before the edge came, and what is published after."""
    origins, regions = settings_on_the_page()
    leaf_port = free_port()
    here = {"listen: 0.0.0.0:4222": "listen: 127.0.0.1:-1"}
    at_hub = {"leafnodes { listen: 0.0.0.0:7422 }": f"leafnodes {{ listen: 127.0.0.1:{leaf_port} }}"}
    files = {"/var/lib/nats": str(tmp_path / "jetstream")}
    in_region = {"hub:7422": f"127.0.0.1:{leaf_port}"}
    with (
        server(tmp_path, "hub", origins, here | at_hub | files) as hub,
        beats(
            *("run", "--stdin", "--profile", "origin", *PORT_0),
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            BEATS_NATS_URL=address(hub),
        ) as origin,
    ):
        origin.err.wait_for("connected to nats://")
        origin.write('{"id": "knob", "data": 1}')
        with watching(origin.url) as viewer:
            assert value(viewer.next()) == 1  # it has been published
        with server(tmp_path, "leaf", regions, here | in_region) as leaf:
            hub.err.wait_for("Leafnode connection created")
            edge_settings = ("run", "--profile", "edge", *PORT_0)
            with beats(*edge_settings, cwd=tmp_path, BEATS_NATS_URL=address(leaf)) as edge:
                edge.err.wait_for("connected to nats://")
                with watching(edge.url) as viewer:
                    state = viewer.next()
                    assert (value(state), state.sequence) == (1, 1)
                    origin.write('{"id": "knob", "data": 2}')
                    live = viewer.next()
                    assert (value(live), live.sequence) == (2, 2)
                assert edge.interrupt() == 0, edge.err.text()
        assert origin.interrupt() == 0, origin.err.text()
