"""Our messages beside those of a program that has generated code of its own for them."""

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from google.protobuf import descriptor_pool

from beats.proto import input_event_pb2, streaming_pb2
from beats.proto.pool import POOL
from beats.proto.streaming_pb2 import PeripheralTag, StreamEnvelope
from tests.proto.own_messages import generate_own

IMPLEMENTATIONS: Final = ("upb", "python")
IMPORTS: Final = {
    "theirs first": "import own_stream.streaming_pb2 as theirs, beats.proto.streaming_pb2 as ours",
    "ours first": "import beats.proto.streaming_pb2 as ours, own_stream.streaming_pb2 as theirs",
}
BOTH_WORK: Final = """
from google.protobuf.internal import api_implementation
assert api_implementation.Type() == {implementation!r}
assert theirs.StreamEnvelope is not ours.StreamEnvelope
sent = ours.StreamEnvelope(sequence=7)
sent.peripheral.peripheral_info.tags.add(name="a").metadata["b"] = "c"
got = theirs.StreamEnvelope.FromString(sent.SerializeToString())
assert got.peripheral.peripheral_info.tags[0].metadata["b"] == "c"
assert ours.StreamEnvelope.FromString(got.SerializeToString()) == sent
print("both work")
"""


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("order", IMPORTS)
def test_a_program_may_have_its_own_code_for_the_messages(
    order: str, implementation: str, tmp_path: Path
) -> None:
    """Whichever is imported first, with either form of the runtime."""
    generate_own(tmp_path)
    code = IMPORTS[order] + BOTH_WORK.format(implementation=implementation)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={"PYTHONPATH": str(tmp_path), "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": implementation},
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert (done.stdout, done.stderr) == ("both work\n", "")


def test_the_default_pool_has_none_of_our_messages() -> None:
    """They are in our pool."""
    for file in (streaming_pb2.DESCRIPTOR, input_event_pb2.DESCRIPTOR):
        assert POOL.FindFileByName(file.name) is file
        with pytest.raises(KeyError):
            descriptor_pool.Default().FindFileByName(file.name)


def test_messages_are_copied_and_pickled() -> None:
    """Their classes have a module and a qualified name, nested ones too."""
    tag = PeripheralTag(name="a", metadata={"b": "c"})
    envelope = StreamEnvelope(sequence=1)
    assert pickle.loads(pickle.dumps(tag)) == copy.deepcopy(tag) == tag
    assert pickle.loads(pickle.dumps(envelope)) == envelope
    entry = PeripheralTag.MetadataEntry
    assert (entry.__module__, entry.__qualname__) == (
        "beats.proto.streaming_pb2",
        "PeripheralTag.MetadataEntry",
    )
