"""What the sink `recorder` needs to start."""

from typing import Final

from beats.adapters.sinks.recorder.naming import Names
from beats.adapters.sinks.recorder.settings import RecorderSettings
from beats.kernel.claims import Claims, Output, Package

_PACKAGES: Final = {"lz4": ("lz4.frame", "lz4"), "zstd": ("zstandard", "zstandard")}


def claims(settings: RecorderSettings, profile: str) -> Claims:
    """Its file alone, and the compressor if there is one."""
    names = Names(settings.path, profile, 0)
    packages = [_PACKAGES[settings.compression]] if settings.compression in _PACKAGES else []
    return Claims(
        outputs=(Output("path", names.path(1), is_new=names.is_fixed and not settings.waits_to_be_told),),
        packages=tuple(Package("compression", *package) for package in packages),
    )
