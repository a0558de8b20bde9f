"""Makes picture files with Pillow, and reads published pictures."""

import io
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

Colour = tuple[int, ...]
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def still(path: Path, colour: Colour = RED, size: tuple[int, int] = (4, 3)) -> Path:
    Image.new("RGB", size, colour).save(path)
    return path


def animation(path: Path, durations_ms: Sequence[int], **options: Any) -> Path:
    """A file with one frame for each duration, in shades of red that differ by frame."""
    images = [Image.new("RGB", (4, 3), (40 * number + 10, 0, 0)) for number in range(len(durations_ms))]
    options.setdefault("lossless", True)
    images[0].save(path, save_all=True, append_images=images[1:], duration=list(durations_ms), **options)
    return path


def noisy_gif(path: Path, count: int) -> Path:
    """A GIF whose frames are large enough to be truncated in the middle."""
    images = [Image.effect_noise((32, 32), 60 + number) for number in range(count)]
    images[0].save(path, save_all=True, append_images=images[1:], duration=50)
    return path


def huge_png(path: Path, side: int) -> Path:
    """A small file with an enormous size in its header."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", b"x"))
    return path


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


Chunks = list[tuple[bytes, bytes]]
"""Names and contents of the chunks of a PNG file."""


def broken_animation(path: Path, damage: Callable[[Chunks], Chunks]) -> Path:
    """Split an animated PNG file into chunks, and rewrite it as `damage` changes them."""
    data = path.read_bytes()
    chunks: Chunks = []
    at = 8
    while at < len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        chunks.append((name, data[at + 8 : at + 8 + length]))
        at += 12 + length
    path.write_bytes(data[:8] + b"".join(_chunk(name, content) for name, content in damage(chunks)))
    return path


def without_frame_control(chunks: Chunks) -> Chunks:
    """Without the chunks that say how frames are shown."""
    return [(name, content) for name, content in chunks if name != b"fcTL"]


def with_wrong_order(chunks: Chunks) -> Chunks:
    """Sequence numbers that start at 7 instead of 0."""

    def moved(name: bytes, content: bytes) -> bytes:
        if name not in (b"fcTL", b"fdAT"):
            return content
        (number,) = struct.unpack_from(">I", content)
        return struct.pack(">I", number + 7) + content[4:]

    return [(name, moved(name, content)) for name, content in chunks]


def with_damage(chunks: Chunks) -> Chunks:
    """Frames that cannot be decoded, except the default image."""
    return [(name, content[:4] + b"no" if name == b"fdAT" else content) for name, content in chunks]


def opened(png: bytes) -> Image.Image:
    """A published picture, loaded."""
    image = Image.open(io.BytesIO(png), formats=["PNG"])
    image.load()
    return image


def colour(png: bytes) -> object:
    """The colour of its first pixel."""
    return opened(png).getpixel((0, 0))
