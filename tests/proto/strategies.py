"""Hypothesis strategies for messages of the stream."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from beats.kernel.envelope import PNG, Frame, Location, Message, Peripheral, Tag
from beats.proto.encode import PNG_SIGNATURE
from tests.support.drawing import draws


def examples(count: int) -> settings:
    """This many examples in CI, without a limit of time or of their size: a busy machine draws slowly."""
    unlimited = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
    return settings(max_examples=draws(count), deadline=None, suppress_health_check=unlimited)


finite_floats = st.floats(allow_nan=False, allow_infinity=False)

scalars = st.none() | st.booleans() | st.integers() | finite_floats | st.text()

plain_json: st.SearchStrategy[object] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)

frames = st.binary(max_size=300).map(lambda rest: Frame(PNG_SIGNATURE + rest))

_SIGNATURES = {
    PNG: PNG_SIGNATURE,
    "image/jpeg": b"\xff\xd8\xff",
    "image/webp": b"RIFF\0\0\0\0WEBP",
    "image/avif": b"\0\0\0\x1cftyp",
}
_sides = st.integers(0, 2**32 - 1)
pictures = st.sampled_from(list(_SIGNATURES)).flatmap(
    lambda media_type: st.builds(
        Frame,
        st.binary(max_size=300).map(lambda rest: _SIGNATURES[media_type] + rest),
        st.text(min_size=1, max_size=20),
        st.just(media_type),
        _sides,
        _sides,
    )
)
"""Frames of pictures with ids, and in all formats."""

tags = st.builds(Tag, st.text(), st.text(), st.dictionaries(st.text(), st.text(), max_size=3))

locations = st.builds(Location, finite_floats, finite_floats, finite_floats, st.text())

peripherals = st.builds(
    Peripheral, st.text(min_size=1), plain_json, st.lists(tags, max_size=3).map(tuple), st.none() | locations
)

messages: st.SearchStrategy[Message] = frames | peripherals

sequences = st.integers(1, 2**64 - 1)

times_unix_ns = st.integers(-(2**63), 2**63 - 1)
