"""The messages of Foxglove's protocol, without a connection."""

import json
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from beats.adapters.sinks.websocket.foxglove.messages import (
    InvalidMessage,
    PlaybackRequest,
    Subscribe,
    Unsubscribe,
    parse,
)
from tests.proto.strategies import examples

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
ENTRIES = st.lists(
    st.fixed_dictionaries({}, optional={"id": VALUES, "channelId": VALUES}) | VALUES, max_size=3
)
REQUESTS = st.fixed_dictionaries(
    {"op": st.sampled_from(["subscribe", "unsubscribe", "other"])},
    optional={"subscriptions": ENTRIES | VALUES, "subscriptionIds": st.lists(VALUES, max_size=3) | VALUES},
)


@given(REQUESTS.map(json.dumps) | st.text() | st.binary() | st.binary().map(lambda rest: b"\x03" + rest))
@examples(200)
def test_whatever_a_client_sends_is_understood_or_refused(message: str | bytes) -> None:
    """Nothing else happens: no other error, and no request with something else in it than ids."""
    with suppress(InvalidMessage):
        request = parse(message)
        match request:
            case None | PlaybackRequest():
                return
            case Subscribe():
                ids = [*request.channels, *request.channels.values()]
            case Unsubscribe():
                ids = [*request.subscriptions]
        assert all(type(each) is int and 0 <= each < 2**32 for each in ids)
