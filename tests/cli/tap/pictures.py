"""Pictures for frames."""

import io

from PIL import Image


def png(image: Image.Image) -> bytes:
    """Its file."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def wall(width: int, height: int) -> Image.Image:
    """A picture in which every pixel has another colour."""
    colours = [(x * 7 % 256, y * 5 % 256, (x + y) * 3 % 256) for y in range(height) for x in range(width)]
    return Image.frombytes("RGB", (width, height), b"".join(map(bytes, colours)))
