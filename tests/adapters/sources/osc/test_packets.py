"""OSC packets: those of python-osc, which writes them as others do, and garbage."""

import re
import struct
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc import osc_bundle_builder, osc_message_builder

from beats.adapters.sources.osc.packets import IMMEDIATELY, OscMessage, messages, unix_ns_of

numbers = st.integers(-(2**31), 2**31 - 1)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9)
doubles = st.floats(allow_nan=False)
scalars: st.SearchStrategy[tuple[str, object]] = st.one_of(
    st.tuples(st.just("i"), numbers),
    st.tuples(st.just("h"), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just("f"), st.floats(width=32, allow_nan=False)),
    st.tuples(st.just("d"), doubles),
    st.tuples(st.just("s"), texts),
    st.tuples(st.just("b"), st.binary(min_size=1, max_size=9)),
    st.tuples(st.sampled_from(["T"]), st.just(True)),
    st.tuples(st.sampled_from(["F"]), st.just(False)),
    st.tuples(st.sampled_from(["N"]), st.none()),
)


def written(address: str, *arguments: tuple[str, object]) -> Any:
    builder: Any = osc_message_builder.OscMessageBuilder(address)
    for kind, value in arguments:
        builder.add_arg(value, kind)
    return builder.build()


def bundle(time_tag: int, *elements: bytes) -> bytes:
    parts = [struct.pack(">i", len(each)) + each for each in elements]
    return b"#bundle\0" + struct.pack(">Q", time_tag) + b"".join(parts)


@given(st.lists(scalars, max_size=6))
def test_arguments_come_as_they_were_written(arguments: list[tuple[str, object]]) -> None:
    """Of every type that python-osc knows."""
    (message,) = messages(written("/desk/fader/1", *arguments).dgram)
    assert message == OscMessage("/desk/fader/1", tuple(value for _, value in arguments), IMMEDIATELY)


@pytest.mark.parametrize(
    ("packet", "arguments"),
    [
        (b"/a\0\0", ()),
        (b"/a\0\0,\0\0\0", ()),
        (b"/a\0\0,S\0\0bc\0\0", ("bc",)),
        (b"/a\0\0,c\0\0\0\0\0x", ("x",)),
        (b"/a\0\0,r\0\0\xff\x00\x80\x7f", ("#ff00807f",)),
        (b"/a\0\0,m\0\0\0\x90\x3c\x40", ([0, 0x90, 0x3C, 0x40],)),
        (b"/a\0\0,TFNI\0\0\0", (True, False, None, True)),
        (b"/a\0\0,[i[N]T]F\0\0\0\0\0\0\1", ([1, [None], True], False)),
        (b"/a\0\0,b\0\0\0\0\0\0", (b"",)),
        (
            b"/a\0\0,t\0\0" + struct.pack(">II", 2_208_988_801, 1 << 31),
            (datetime(1970, 1, 1, 0, 0, 1, 500000, UTC),),
        ),
    ],
)
def test_the_types_that_few_programs_write(packet: bytes, arguments: tuple[object, ...]) -> None:
    """By the specification: symbol, character, colour, MIDI, constants, arrays, time."""
    assert messages(packet) == [OscMessage("/a", arguments, IMMEDIATELY)]


def test_the_messages_of_a_bundle_have_its_time() -> None:
    """Those of an inner bundle that bundle's own. A time tag has nanoseconds."""
    builder = osc_bundle_builder.OscBundleBuilder(cast("int", 1.5))
    builder.add_content(written("/a", ("i", 1)))
    inner: Any = osc_bundle_builder.OscBundleBuilder(osc_bundle_builder.IMMEDIATELY)
    inner.add_content(written("/b"))
    builder.add_content(inner.build())
    first, second = messages(builder.build().dgram)
    assert (first.address, unix_ns_of(first.time_tag)) == ("/a", 1_500_000_000)
    assert second == OscMessage("/b", (), IMMEDIATELY)
    assert messages(bundle(IMMEDIATELY)) == []


GARBAGE = {
    b"": "must begin with a slash or #bundle",
    b"hello": "must begin with a slash or #bundle",
    b"/a": "the address is cut off",
    b"/\xff\xff\0": "is not text in UTF-8",
    b"/\n\0\0": "cannot be printed",
    b"/a\0\0i\0\0\0": "without a comma",
    b"/a\0\0,i\0\0\0": "an argument of the type 'i' is cut off",
    b"/a\0\0,z\0\0": "'z', which OSC does not know",
    b"/a\0\0,b\0\0\x7f\xff\xff\xff": "is cut off, or its size",
    b"/a\0\0,b\0\0\xff\xff\xff\xff": "is cut off, or its size",
    b"/a\0\0,s\0\0abcd": "is cut off",
    b"/a\0\0,c\0\0\0\0\xd8\0": "is no character",
    b"/a\0\0,]\0\0": "an array ends that did not begin",
    b"/a\0\0,[\0\0": "an array does not end",
    b"/a\0\0,T\0\0more": "4 bytes follow",
    b"#bundle\0": "cut off before its time tag",
    bundle(1)[:16] + b"\0\0": "the size of a bundle's element is cut off",
    bundle(1) + b"\0\0\0\0": "has 0 bytes",
    bundle(1) + b"\xff\xff\xff\xfc/a\0\0": "has -4 bytes: it must be a multiple of 4",
    bundle(1) + b"\0\0\0\x08/a\0\0": "at most the 4 bytes that are left",
}


@pytest.mark.parametrize("packet", GARBAGE)
def test_a_packet_that_is_not_whole_says_what_is_wrong(packet: bytes) -> None:
    """An element of -4 bytes keeps other readers busy for ever."""
    with pytest.raises(ValueError, match=re.escape(GARBAGE[packet])):
        messages(packet)


def test_nesting_is_bounded() -> None:
    """Bundles and arrays within each other, far deeper than anyone writes."""
    packet = b"/a\0\0"
    for _ in range(1000):
        packet = bundle(1, packet)
    with pytest.raises(ValueError, match="16 bundles"):
        messages(packet)
    with pytest.raises(ValueError, match="16 arrays"):
        messages(b"/a\0\0," + b"[" * 1000 + b"]" * 1000 + b"\0\0\0")


whole = st.lists(scalars, max_size=4).map(lambda arguments: bytes(written("/a", *arguments).dgram))
bundled = st.recursive(whole, lambda inner: st.lists(inner, max_size=3).map(lambda parts: bundle(9, *parts)))


@given(st.data(), bundled)
def test_no_bytes_raise_anything_else(data: st.DataObject, packet: bytes) -> None:
    """Whole packets with some bytes changed, cut or added, and mere noise."""
    damaged = bytearray(packet)
    for at in data.draw(st.lists(st.integers(0, len(packet) - 1), max_size=4)):
        damaged[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)))
    for each in (bytes(damaged), bytes(damaged[:cut]), bytes(damaged) + data.draw(st.binary(max_size=9))):
        try:
            found = messages(each)
        except ValueError:
            continue
        assert all(message.address.startswith("/") for message in found)
