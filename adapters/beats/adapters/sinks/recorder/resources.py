"""What the sink `recorder` needs to start."""

from collections.abc import Iterator
from typing import Final

from beats.adapters.sinks.recorder.naming import Names
from beats.adapters.sinks.recorder.settings import RecorderSettings
from beats.kernel.resources import Doubt, Output, Package, Resources

_PACKAGES: Final = {"lz4": ("lz4.frame", "lz4"), "zstd": ("zstandard", "zstandard")}


def resources(settings: RecorderSettings, profile: str) -> Resources:
    """Its file alone, and the compressor if there is one."""
    names = Names(settings.path, profile, 0)
    packages = [_PACKAGES[settings.compression]] if settings.compression in _PACKAGES else []
    return Resources(
        outputs=(Output("path", names.path(1), is_new=names.is_fixed and not settings.waits_to_be_told),),
        packages=tuple(Package("compression", *package) for package in packages),
        doubts=tuple(_doubts(settings)),
    )


def _doubts(settings: RecorderSettings) -> Iterator[Doubt]:
    """Where a ring exceeds its bound: it counts only finished files."""
    if settings.keep_bytes is None and settings.keep_parts is None:
        return
    key = "keep_parts" if settings.keep_bytes is None else "keep_bytes"
    if not (settings.rotate_bytes or settings.rotate_s or settings.idle):
        text = "nothing is deleted while this records, for it is all one file: set rotate_s or rotate_bytes"
        yield Doubt(key, text)
    elif settings.keep_bytes is not None and not 0 < settings.rotate_bytes <= settings.keep_bytes:
        size = "any size" if not settings.rotate_bytes else f"{settings.rotate_bytes:,} bytes"
        text = (
            f"the file that is being written is not counted, and may grow to {size}: set rotate_bytes to a "
            "fraction of keep_bytes"
        )
        yield Doubt(key, text)
