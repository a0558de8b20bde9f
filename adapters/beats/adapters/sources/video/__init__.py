"""Source `video`: files, cameras, addresses and generators, by PyAV (FFmpeg)."""

from typing import Final

from beats.adapters.sources.video.settings import VideoSettings
from beats.kernel.ports import SourceKind

SOURCE: Final = SourceKind(
    settings=VideoSettings,
    source="beats.adapters.sources.video.source:VideoSource",
    summary="A video file, a camera, an HTTP or RTSP address or a generator, as FFmpeg reads them",
    docs="sources#videos-and-cameras",
    metrics={
        "damaged_total": "Pictures that were damaged.",
        "skipped_total": "Packets of a live input that were not decoded, to catch up with it.",
    },
)

__all__ = ["SOURCE", "VideoSettings"]
