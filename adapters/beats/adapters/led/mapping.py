"""From a picture to the bytes that a wall's LEDs get, and back."""

from typing import Final

from PIL import Image, ImageChops

from beats.adapters.led.settings import LayoutSettings, LedSettings
from beats.adapters.led.wiring import Picker, inverse, wiring
from beats.pictures.encoders import opaque
from beats.pictures.pixels import Pixels

_MODES: Final = {3: "RGB", 4: "RGBA"}
"""Pillow's names for three and four bytes per pixel; the fourth is white here."""


class Tone:
    """How bright an LED is for each value of a picture."""

    def __init__(self, brightness: float, gamma: float) -> None:
        """Make both tables.

        Args:
            brightness: share of full light, 0 to 1.
            gamma: light is value to the power of gamma, both from 0 to 1.
        """
        self.light: Final = bytes(round(255 * brightness * (value / 255) ** gamma) for value in range(256))
        """By the value in a picture, the byte that is sent."""
        self.value: Final = bytes(round(255 * (light / 255) ** (1 / gamma)) for light in range(256))
        """By the byte that is sent, the value that looks the same on a screen; brightness is kept."""


class WireReader:
    """Makes pictures of the bytes along a wire."""

    def __init__(self, size: tuple[int, int], layout: LayoutSettings, color_order: str) -> None:
        """Prepare the tables: less than 1 µs per pixel."""
        self._size: Final = size
        self._channels: Final = ["rgbw".index(letter) for letter in color_order]
        order = wiring(size, layout)
        self._unpicker: Final = Picker(inverse(order), (len(order), 1), len(color_order))

    def picture(self, wire: bytes, tone: Tone) -> Pixels:
        """What a wall shows for these bytes, as it looks on a screen."""
        mode = _MODES[len(self._channels)]
        size = (len(wire) // len(self._channels), 1)
        data = self._unpicker.pick(Image.frombytes(mode, size, wire.translate(tone.value)))
        given = Image.frombytes(mode, self._size, data).split()
        parts = [given[self._channels.index(channel)] for channel in range(len(given))]
        if len(parts) == 4:
            parts = [ImageChops.add(part, parts[3]) for part in parts[:3]]
        return Pixels.of_image(Image.merge("RGB", parts))


class WallMapping:
    """Fits pictures to a wall and puts their pixels in the order of its wires.

    Beside decoding and scaling: 0.02 ms for 64 x 32 pixels, 0.14 ms for 256 x 128, 0.5 ms with white LEDs.
    """

    def __init__(self, settings: LedSettings) -> None:
        """Prepare the tables: less than 1 µs per pixel."""
        self._size: Final = settings.size
        self._fit: Final = settings.fit
        self._channels: Final = ["rgbw".index(letter) for letter in settings.color_order]
        order = wiring(settings.size, settings.layout)
        self._picker: Final = Picker(order, settings.size, settings.channels)
        seen = settings.preview_layout or settings.layout
        self.picture: Final = WireReader(settings.size, seen, settings.color_order).picture
        """What a wall that is wired as the preview says shows for these bytes, as it looks on a screen."""

    def wire(self, pixels: Pixels, tone: Tone) -> bytes:
        """The bytes along the wire that show a picture."""
        parts: list[Image.Image] = list(self._fitted(opaque(pixels.image())).split())
        if len(self._channels) == 4:
            white = ImageChops.darker(ImageChops.darker(parts[0], parts[1]), parts[2])
            parts = [*(ImageChops.subtract(part, white) for part in parts), white]
        image = Image.merge(_MODES[len(parts)], [parts[channel] for channel in self._channels])
        return self._picker.pick(image).translate(tone.light)

    def _fitted(self, image: Image.Image) -> Image.Image:
        """The picture in the size of the wall, in RGB."""
        if image.size != self._size:
            if self._fit == "letterbox":
                image = self._with_bars(image)
            else:
                image = _scaled(image, self._size, sharp=self._fit == "nearest")
        return image.convert("RGB")

    def _with_bars(self, image: Image.Image) -> Image.Image:
        width, height = self._size
        share = min(width / image.width, height / image.height)
        inner = (max(1, round(image.width * share)), max(1, round(image.height * share)))
        whole = Image.new(image.mode, self._size)
        whole.paste(_scaled(image, inner), ((width - inner[0]) // 2, (height - inner[1]) // 2))
        return whole


def _scaled(image: Image.Image, size: tuple[int, int], *, sharp: bool = False) -> Image.Image:
    method = Image.Resampling.NEAREST if sharp else Image.Resampling.BOX
    return image.resize(size, method)  # pyright: ignore[reportUnknownMemberType] - names a type of NumPy's
