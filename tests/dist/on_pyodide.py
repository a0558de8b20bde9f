"""Runs on the CPython of Pyodide: compiles everything, imports three parts, and uses schema and settings.

The other part, and most tests, need sockets, threads or processes, which there are none of in WebAssembly.
"""

import importlib
import sys
import warnings
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path("/checkout")
PARTS: Final = ("kernel", "proto", "config", "adapters")
TOKEN: Final = {"BEATS_SINKS__BROWSER__TOKEN": "a token"}
"""What the profile `kiosk` asks for."""

sys.dont_write_bytecode = True
sys.path[:0] = ["/binary", *(str(CHECKOUT / part) for part in PARTS)]
sys.path.append("/packages")
warnings.simplefilter("error")


def modules(part: str) -> dict[str, Path]:
    """The modules of a part, by name."""
    folder = CHECKOUT / part
    files = sorted((folder / "beats").rglob("*.py"))
    return {
        ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__"): path
        for path in files
    }


compiled = 0
for path in (path for part in PARTS for path in modules(part).values()):
    compile(path.read_text(encoding="utf-8"), str(path), "exec")
    compiled += 1
for name in (name for part in PARTS[:3] for name in modules(part)):
    importlib.import_module(name)

from beats.config.load import load_profile  # noqa: E402 - the path is set above
from beats.proto.streaming_pb2 import StreamEnvelope  # noqa: E402
from beats.runtime.registry import InstalledAdapters  # noqa: E402

profiles = sorted(path.stem for path in (CHECKOUT / "config" / "beats" / "config").glob("*.toml"))
for profile in profiles:
    load_profile(InstalledAdapters(), profile=profile, environ=TOKEN)

envelope = StreamEnvelope(sequence=7)
envelope.frame.png_data = b"picture"
assert StreamEnvelope.FromString(envelope.SerializeToString()) == envelope

version = ".".join(map(str, sys.version_info[:2]))
print(f"Python {version}: {compiled} modules compiled, {len(profiles)} profiles loaded")
