"""The OSC source, with a real socket, and `oscsend` of liblo as the sender."""

import logging
import math
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from anyio import to_thread

from beats.adapters.sources.osc import OscSettings
from beats.adapters.sources.osc.source import OscSource
from beats.kernel.envelope import Control, Peripheral, Tag
from beats.kernel.resources import Port, Resources
from tests.adapters.sources.osc.test_packets import GARBAGE, bundle
from tests.support import TIMEOUT_S
from tests.support.relay import Machine, on_air, until

pytestmark = pytest.mark.anyio
LOCAL = "127.0.0.1"


class Desk:
    """A machine with the source, and a socket that sends to it."""

    def __init__(self, machine: Machine, source: OscSource, port: int, sender: socket.socket) -> None:
        self.machine = machine
        self.source = source
        self.port = port
        self.controls: list[Control] = []
        self._sender = sender

    def send(self, *datagrams: bytes) -> None:
        for each in datagrams:
            self._sender.sendto(each, (LOCAL, self.port))

    async def oscsend(self, address: str, *types_and_values: str) -> None:
        program = shutil.which("oscsend") or pytest.skip("oscsend is not installed")
        command = [program, LOCAL, str(self.port), address, *types_and_values]
        await to_thread.run_sync(lambda: subprocess.run(command, check=True, timeout=TIMEOUT_S))

    async def counts(self, **expected: int) -> None:
        """Wait until metrics have these values."""
        await until(lambda: expected.items() <= {k: int(v) for k, v in self.source.metrics().items()}.items())


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((LOCAL, 0))
        port: int = sock.getsockname()[1]
        return port


@asynccontextmanager
async def desk(caplog: pytest.LogCaptureFixture, **settings: Any) -> AsyncGenerator[Desk]:
    caplog.set_level(logging.INFO)
    machine, port = Machine(), free_udp_port()
    source = machine.osc_source(port, **settings)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        made = Desk(machine, source, port, sender)
        machine.kernel.bus.connect("control", made.controls.append)
        async with on_air(machine):
            await until(lambda: f"listens for OSC on UDP {LOCAL}:{port}" in caplog.text)
            yield made


async def test_what_liblo_sends_is_published(caplog: pytest.LogCaptureFixture) -> None:
    """One argument is the value, several are a list, none is null; the id is the address."""
    async with desk(caplog, tags=("osc", "desk:left")) as it:
        await it.oscsend("/desk/fader/1", "f", "0.5")
        await it.oscsend("/desk/note", "ihdsScmTFNI", "1", "-2", "0.25", "ö", "sym", "x", "00903c40")
        await it.oscsend("/bang")
        await it.machine.sees_at_least(3)
    messages = [each.message for each in it.machine.seen]
    tags = (Tag("osc"), Tag("desk", "left"))
    assert messages == [
        Peripheral("desk/fader/1", 0.5, tags),
        Peripheral(
            "desk/note", [1, -2, 0.25, "ö", "sym", "x", [0, 0x90, 0x3C, 0x40], True, False, None, True], tags
        ),
        Peripheral("bang", None, tags),
    ]


async def test_values_that_json_lacks_are_published(caplog: pytest.LogCaptureFixture) -> None:
    """NaN and infinities are null, a blob is hexadecimal."""
    async with desk(caplog, id="{-1}") as it:
        numbers = struct.pack(">fff", math.nan, -math.inf, 1.0)
        it.send(b"/a/b\0\0\0\0,fff\0\0\0\0" + numbers, b"/c\0\0,b\0\0\0\0\0\2\xbe\xef\0\0")
        await it.machine.sees_at_least(2)
        assert it.machine.values("peripheral/b") == [[None, None, 1.0]]
        assert b'"beef"' in it.machine.bytes_of("peripheral/c")[0]


async def test_a_bundle_has_its_own_time(caplog: pytest.LogCaptureFixture) -> None:
    """The past is the capture time, the future is waited for; far from now counts as now, and is counted."""

    def tagged(address: bytes, after_s: float) -> bytes:
        return bundle(round((time.time() + after_s + 2_208_988_800) * 2**32), address + b"\0\0")

    async with desk(caplog, time_tag_tolerance_s=60.0) as it:
        begun_ns = time.time_ns()
        it.send(tagged(b"/f", 0.2), tagged(b"/p", -10), tagged(b"/x", -3600), tagged(b"/y", 3600))
        it.send(bundle(1, b"/n\0\0"))
        await it.machine.sees_at_least(5)
        ended_ns = time.time_ns()
        came = {each.topic[-1]: each.captured_unix_ns for each in it.machine.seen}
        assert list(came) == ["p", "x", "y", "n", "f"]
        assert abs(came["p"] - (begun_ns - 10 * 10**9)) < 2 * 10**9
        assert begun_ns + 10**8 < came["f"] <= ended_ns
        assert all(begun_ns <= came[each] <= ended_ns for each in "xyn")
        await it.counts(wrong_times_total=2)
    assert "synchronise the clocks" in caplog.text


async def test_a_large_bundle_does_not_overflow_the_queue(caplog: pytest.LogCaptureFixture) -> None:
    """Nor do many datagrams that come together: the bus takes as fast as they come."""
    async with desk(caplog, queue={"size": 100}) as it:
        it.send(bundle(1, *[b"/a\0\0"] * 1000), *[b"/b\0\0"] * 150)
        await it.machine.sees(lambda: len(it.machine.seen) == 1150)
        assert it.source.metrics()["dropped_total"] == 0


async def test_few_messages_wait_for_their_time(caplog: pytest.LogCaptureFixture) -> None:
    """Beyond the bound, a message is published before its time, and counted."""
    tag = round((time.time() + 50 + 2_208_988_800) * 2**32)
    async with desk(caplog, time_tag_tolerance_s=60.0) as it:
        it.send(bundle(tag, *[b"/a\0\0"] * 1030))
        await it.machine.sees_at_least(6)
        await it.counts(wrong_times_total=6)


async def test_garbage_is_counted_and_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Invalid packets, an oversized one, and addresses without the level of the template."""
    async with desk(caplog, id="{2}", max_datagram_bytes=1200) as it:
        it.send(*GARBAGE, b"/a\0\0" * 400, b"/a\0\0", b"/a/b\0\0\0\0")
        await it.machine.sees_at_least(1)
        await it.counts(
            invalid_total=len(GARBAGE) + 1, unpublishable_total=1, datagrams_total=len(GARBAGE) + 3
        )
        assert [each.topic for each in it.machine.seen] == ["peripheral/b"]
        assert it.machine.kernel.stats().sources[0].last_error == ""
    assert "more invalid packets will be counted, not shown" in caplog.text


async def test_a_flood_keeps_what_is_fresh(caplog: pytest.LogCaptureFixture) -> None:
    """While the bus is held up, newer messages replace older ones; all are counted."""
    async with desk(caplog, queue={"size": 10}) as it:
        gate = anyio.Event()
        publish_async = it.machine.kernel.publisher.publish_async

        async def held_up(*arguments: Any, **options: Any) -> int:
            await gate.wait()
            return await publish_async(*arguments, **options)

        it.machine.kernel.publisher.publish_async = held_up  # type: ignore[method-assign]
        for number in range(100):
            it.send(b"/a\0\0,i\0\0" + struct.pack(">i", number))
        await it.counts(datagrams_total=100)
        gate.set()
        await it.machine.sees(lambda: it.machine.values("peripheral/a")[-1:] == [99])
        values = it.machine.values("peripheral/a")
        assert values[-10:] == list(range(90, 100))
        await it.counts(dropped_total=100 - len(values))
    assert "were dropped for newer ones" in caplog.text


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
async def test_what_the_system_drops_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    """A burst that does not fit into the receive buffer, while nobody reads; then it goes on."""
    async with desk(caplog, receive_buffer_bytes=4096) as it:
        it.send(*[b"/a\0\0,i\0\0\0\0\0\1"] * 2000)  # the event loop waits meanwhile
        await until(lambda: len(it.machine.seen) > 0)
        it.send(b"/b\0\0")
        await it.machine.sees(lambda: it.machine.numbers("peripheral/b"))
        metrics = it.source.metrics()
        assert metrics["dropped_unread_total"] > 0
        assert metrics["dropped_unread_total"] + metrics["datagrams_total"] == 2001
    assert "came faster than they could be read" in caplog.text


async def test_addresses_can_be_commands(caplog: pytest.LogCaptureFixture) -> None:
    """Arguments are checked fields; the release of a button does nothing, and what is wrong is counted.

    So is a command that nothing takes. Commands whose value is missing clear.
    """
    controls = {
        "/beats/browse": "browse",
        "/beats/activate": "activate",
        "/beats/light": "sensor_update",
        "/beats/say": "text_update",
        "/beats/emoji": "emoji_update",
        "/beats/image": "image_update",
        "/beats/dim": "dim level",
    }
    async with desk(caplog, controls=controls) as it:
        await it.oscsend("/beats/browse", "f", "-1.0")
        await it.oscsend("/beats/activate", "i", "1")
        await it.oscsend("/beats/activate", "i", "0")
        await it.oscsend("/beats/light", "sf", "lux", "0.5")
        await it.oscsend("/beats/light", "s", "lux")
        await it.oscsend("/beats/say", "s", "hello")
        await it.oscsend("/beats/browse", "f", "0.5")
        await it.oscsend("/beats/browse", "ii", "1", "2")
        await it.oscsend("/beats/emoji", "s", "horse")
        it.send(b"/beats/say\0\0", b"/beats/image\0\0\0\0", b"/beats/dim\0\0,i\0\0\0\0\0\1")
        await it.counts(controls_total=7, invalid_controls_total=4)
        found = [(each.command, dict(each.fields)) for each in it.controls]
        assert it.controls[0].client.sink == "desk"
        assert it.controls[0].client.remote.startswith("127.0.0.1:")
        assert it.machine.seen == []
    assert found == [
        ("browse", {"browse_step": -1}),
        ("activate", {"browse_step": 0}),
        ("sensor_update", {"browse_step": 0, "sensor_key": "lux", "sensor_value": 0.5, "clear": False}),
        ("sensor_update", {"browse_step": 0, "sensor_key": "lux", "clear": True}),
        ("text_update", {"browse_step": 0, "text": "hello", "clear": False}),
        ("text_update", {"browse_step": 0, "clear": True}),
        ("image_update", {"browse_step": 0, "clear": True}),
    ]
    assert "/beats/browse from 127.0.0.1:" in caplog.text
    assert "browse_step is 0.5, not an integer" in caplog.text
    assert "2 arguments came; browse takes only browse_step" in caplog.text
    assert "command is 'dim', not one of browse" in caplog.text


async def test_a_port_in_use_is_named_and_taken_when_it_is_free(caplog: pytest.LogCaptureFixture) -> None:
    """The source is restarted until then."""
    machine, port = Machine(), free_udp_port()
    machine.osc_source(port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((LOCAL, port))
        async with on_air(machine):
            await until(lambda: machine.kernel.stats().sources[0].state == "failed")
            assert f"UDP port {port} on {LOCAL!r} is in use" in machine.kernel.stats().sources[0].last_error
            other.close()
            caplog.set_level(logging.INFO)
            await until(lambda: "listens for OSC" in caplog.text)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"/a\0\0", (LOCAL, port))
                await machine.sees_at_least(1)


async def test_an_address_of_another_machine_is_named() -> None:
    """RFC 5737 reserves this one for documentation."""
    machine = Machine()
    machine.osc_source(9000, host="192.0.2.1")
    async with on_air(machine):
        await until(lambda: machine.kernel.stats().sources[0].state == "failed")
        assert (
            "'192.0.2.1' is not an address of this machine; give one with sources."
            in machine.kernel.stats().sources[0].last_error
        )


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"controls": {"browse": "browse"}}, "'browse' is not an address"),
        ({"controls": {"/a": ""}}, "'/a' needs the name of a command"),
        ({"id": "{name}"}, "braces that mean nothing"),
        ({"tags": (":x",)}, "':x' is not a tag"),
        ({"queue": {"overflow": "block"}}, "cannot wait or get an error"),
    ],
)
async def test_wrong_settings_say_what_is_right(settings: dict[str, Any], said: str) -> None:
    """Before anything starts."""
    with pytest.raises(ValueError, match=said):
        OscSettings.model_validate({"type": "osc", **settings})


async def test_it_needs_a_udp_port() -> None:
    """That everyone may steer who reaches it is a doubt."""
    plain = OscSettings(type="osc", controls={"/a": "activate"}).resources("x")
    assert plain == Resources(ports=(Port("port", "127.0.0.1", 9000, protocol="udp"),))
    (doubt,) = OscSettings(type="osc", host="0.0.0.0", controls={"/a": "activate"}).resources("x").doubts
    assert (doubt.key, "anyone who can reach UDP port 9000" in doubt.text) == ("controls", True)
