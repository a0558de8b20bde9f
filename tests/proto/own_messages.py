"""A program's own generated code for the messages of the stream: as protoc makes it, in the default pool."""

import subprocess
import sys
from pathlib import Path
from typing import Final

SCHEMAS: Final = Path(__file__).resolve().parents[2] / "proto" / "beats" / "proto"
NAMES: Final = ("streaming", "input_event")


def generate_own(folder: Path) -> None:
    """Generate, in a folder, the modules `own_stream.streaming_pb2` and `own_stream.input_event_pb2`."""
    package = folder / "own_stream"
    package.mkdir(parents=True)
    schemas = [package / f"{name}.proto" for name in NAMES]
    for schema in schemas:
        schema.write_bytes((SCHEMAS / schema.name).read_bytes())
    subprocess.run(
        [
            *(sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={folder}"),
            *(f"--python_out={folder}", *map(str, schemas)),
        ],
        check=True,
    )
