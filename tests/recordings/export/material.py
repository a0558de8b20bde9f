"""Pictures, and recordings of them."""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from PIL import Image

from beats.kernel.envelope import Frame, Message, topic_of
from beats.proto.codec import StreamCodec
from beats.proto.encode import PNG_SIGNATURE
from beats.recordings.export.png import chunk, take_apart
from beats.recordings.format import RecordedMessage
from beats.recordings.writing import RecordingFile

BEGIN_NS: Final = 1_700_000_000_000_000_000
"""2023-11-14T22:13:20Z."""
RED: Final = (255, 0, 0)
GREEN: Final = (0, 255, 0)
BLUE: Final = (0, 0, 255)


def png(image: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", **options)
    return out.getvalue()


def plain(colour: tuple[int, ...], size: tuple[int, int] = (4, 3)) -> Image.Image:
    return Image.new("RGB" if len(colour) == 3 else "RGBA", size, colour)


def plain_png(colour: tuple[int, ...], size: tuple[int, int] = (4, 3)) -> bytes:
    return png(plain(colour, size))


def wall(width: int, height: int) -> Image.Image:
    """A picture in which every pixel has another colour."""
    colours = [(x * 7 % 256, y * 5 % 256, (x + y) * 3 % 256) for y in range(height) for x in range(width)]
    return Image.frombytes("RGB", (width, height), b"".join(map(bytes, colours)))


def assembled(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG file of these chunks and an end, with right checksums."""
    return PNG_SIGNATURE + b"".join(chunk(*each) for each in (*chunks, (b"IEND", b"")))


def without_data(png_data: bytes) -> bytes:
    """A PNG file whose picture ends too early."""
    header = take_apart(png_data).form.header
    return assembled((b"IHDR", header.packed()), (b"IDAT", b"\x78\x9c\x03"))


def pixels(image: Image.Image) -> bytes:
    return image.convert("RGBA").tobytes()


def shown(path: Path) -> list[tuple[bytes, float]]:
    """The pictures of an animation and their durations in milliseconds, as Pillow sees them."""
    found: list[tuple[bytes, float]] = []
    with Image.open(path) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            image.load()
            found.append((pixels(image), image.info.get("duration", 0.0)))
    return found


def lines(messages: Iterable[tuple[float, Message]]) -> list[RecordedMessage]:
    """Recorded messages, each with its time in seconds from the beginning."""
    codec = StreamCodec()
    made: list[RecordedMessage] = []
    counts: dict[str, int] = {}
    for at_s, message in messages:
        topic = topic_of(message)
        counts[topic] = counts.get(topic, 0) + 1
        log_ns = BEGIN_NS + round(at_s * 1e9)
        encoded = codec.seal(codec.prepare(message), counts[topic], log_ns - 1000)
        made.append(RecordedMessage(topic, counts[topic], log_ns, log_ns - 1000, encoded))
    return made


def record(
    path: Path,
    messages: Iterable[tuple[float, Message]],
    *,
    identity: str = "a",
    carried: Sequence[RecordedMessage] = (),
    chunk_of: int = 1000,
) -> Path:
    """Make a recording; a chunk holds `chunk_of` messages."""
    file = RecordingFile(path, {"recording": identity}, "none", carried=carried)
    for number, line in enumerate(lines(messages), 1):
        file.append(line)
        if number % chunk_of == 0:
            file.flush()
    return file.close()


def film(*colours: tuple[int, ...], fps: float = 10.0) -> list[tuple[float, Message]]:
    """A frame of each colour."""
    return [(number / fps, Frame(plain_png(colour))) for number, colour in enumerate(colours)]
