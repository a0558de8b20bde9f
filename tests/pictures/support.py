"""Pictures for the tests of this room."""

import io
import struct
import threading
from typing import Any, Final

import anyio
import anyio.to_thread
import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st
from PIL import Image, features

from beats.pictures import encoders
from beats.pictures.pixels import Pixels
from tests.support import TIMEOUT_S

HAS_AVIF: Final = "avif" in features.modules and bool(features.check("avif"))
"""Since Pillow 11.3."""
Array = np.ndarray[Any, np.dtype[np.uint8]]


def picture(width: int, height: int, channels: int = 3, seed: int = 0) -> Array:
    """Smooth shapes with slight noise, other ones for each seed; of shape (height, width) for one channel."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    planes = [128 + 100 * np.sin(x / 9 + y / (7 + number) + seed) for number in range(channels)]
    noise = random.integers(-2, 3, (height, width, channels))
    whole = np.clip(np.stack(planes, -1) + noise, 0, 255).astype(np.uint8)
    return whole[..., 0] if channels == 1 else whole


STEPS: Final = st.sampled_from([slice(None), slice(None, None, -1), slice(None, None, 2), slice(1, None, 3)])


@st.composite
def arrays(draw: st.DrawFn) -> Array:
    """Pictures in any strides: flipped, thinned out, cut, turned."""
    width, height = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    whole = picture(width, height, draw(st.sampled_from([1, 3, 4])), draw(st.integers(0, 5)))
    view = whole[draw(STEPS), draw(STEPS)]
    assume(view.size > 0)
    turned: Array = view.swapaxes(0, 1) if draw(st.booleans()) else view
    return turned


def in_order(view: Array, order: str) -> Array:
    """What a picture shows whose channels are in this order: in RGB."""
    if order == "bgr" and view.ndim == 3:
        return view[..., [2, 1, 0, 3][: view.shape[2]]]
    return view


def zeros(shape: list[int], kind: str) -> object:
    """An array of any type, most of which are no pixels."""
    return np.zeros(shape, np.dtype(kind))


def decoded(data: bytes) -> Array:
    """The pixels of a file, by Pillow: of shape (height, width) for grey."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    """A file made by Pillow."""
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def box(name: bytes, *content: bytes) -> bytes:
    """A box of ISO/IEC 14496-12, section 4.2."""
    body = b"".join(content)
    return struct.pack(">I4s", len(body) + 8, name) + body


def avif(width: int, height: int, *, wide: bool = False, brand: bytes = b"avif") -> bytes:
    """The header of an AVIF file with a thumbnail of 8 x 6 before the main picture; `wide`: long numbers."""
    small, large = (box(b"ispe", bytes(4), struct.pack(">II", *size)) for size in ((8, 6), (width, height)))
    number, link = (">I", ">H") if wide else (">H", ">B")
    links = [(1, 1), (2, 3)]
    content = [struct.pack(number, item) + b"\1" + struct.pack(link, index) for item, index in links]
    flags = bytes([wide, 0, 0, wide])
    ipma = box(b"ipma", flags, struct.pack(">I", len(links)), *content)
    iprp = box(b"iprp", box(b"ipco", small, box(b"pixi", bytes(4)), large), ipma)
    pitm = box(b"pitm", bytes([wide, 0, 0, 0]), struct.pack(number, 2))
    meta = box(b"meta", bytes(4), pitm, iprp)
    return box(b"ftyp", brand, bytes(4), b"mif1avif") + box(b"free") + meta + box(b"mdat", b"pixels")


class Gate:
    """Lets each picture be decoded when the test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun: Final = threading.Semaphore(0)
        self.open: Final = threading.Semaphore(0)
        decode = encoders.decode

        def gated(*args: Any, **options: Any) -> Pixels:
            self.begun.release()
            assert self.open.acquire(timeout=TIMEOUT_S)
            return decode(*args, **options)

        monkeypatch.setattr(encoders, "decode", gated)

    async def entered(self) -> None:
        """Wait until a thread has begun with a picture."""
        assert await anyio.to_thread.run_sync(self.begun.acquire, True, TIMEOUT_S)


class Decodings:
    """Counts the pictures that are decoded."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self._decode: Final = encoders.decode
        monkeypatch.setattr(encoders, "decode", self._counted)

    def _counted(self, *args: Any, **options: Any) -> Pixels:
        self.count += 1
        return self._decode(*args, **options)
