"""A program that embeds Beats and has its own generated code for the messages of the stream."""

import subprocess
from pathlib import Path
from typing import Final

import pytest

from beats.kernel.envelope import Peripheral
from beats.proto.input_event_pb2 import InputEvent
from tests.proto.own_messages import generate_own
from tests.support import python, quiet, watching

IMPORTS: Final = (
    "from own_stream.input_event_pb2 import InputEvent\nfrom beats.app import Stream",
    "from beats.app import Stream\nfrom own_stream.input_event_pb2 import InputEvent",
)
PROGRAM: Final = """
{imports}
with Stream.open(overrides={overrides!r}) as stream:
    print(f"On air: {{stream.sinks['browser'].address.url}}", flush=True)
    event = InputEvent(event_type="press", timestamp="2024-05-01T00:00:00+00:00", data_json=b"[1]")
    stream.publish_peripheral("button", event)
    input()
"""


@pytest.mark.parametrize("imports", IMPORTS, ids=["theirs first", "ours first"])
@pytest.mark.parametrize("implementation", ["upb", "python"])
def test_a_program_publishes_messages_of_its_own_pool(
    imports: str, implementation: str, tmp_path: Path
) -> None:
    """They travel as PROTOBUF payloads under their full names, and viewers read them."""
    generate_own(tmp_path)
    code = PROGRAM.format(imports=imports, overrides=quiet())
    running = python(
        code,
        tmp_path,
        stdin=subprocess.PIPE,
        PYTHONPATH=str(tmp_path),
        PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION=implementation,
    )
    with running as program, watching(program.url) as viewer:
        update = viewer.next().message
        program.close_input()
        program.end()
    assert isinstance(update, Peripheral)
    assert update.id == "button"
    assert update.data == InputEvent(
        event_type="press", timestamp="2024-05-01T00:00:00+00:00", data_json=b"[1]"
    )
