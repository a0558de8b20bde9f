"""The demo's moving picture: flowing colours, comets, a scope line and a shock wave.

Costly tables are made once; a frame is a handful of Pillow calls that run in C (measured: well under
1 ms for 64 x 64). The picture reacts to the `Signals` that the peripherals publish: the knob turns the
colours, the scope line draws the accelerometer, the button starts the wave.
"""

import math
import random
from typing import Final, NamedTuple

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from beats.adapters.sources.demo.signals import GRAVITY_M_S2, Signals

TILE_PX: Final = 128
"""Side of a plasma texture, which repeats without a seam."""
VIEW_PX: Final = 80
"""How much of a texture the picture's longer side shows."""
TRAIL: Final = 9
"""Spots in a comet."""
TRAIL_STEP_S: Final = 0.09
SUBPIXELS: Final = 4
"""Comets move in quarters of a pixel, so that they move smoothly on a coarse wall."""
RIM: Final = 181
"""Value of Pillow's 256 x 256 radial gradient 128 pixels from its centre, where it is 0."""
WAVE_S: Final = 1.1
"""Duration of a shock wave after the button was pressed."""
SCOPE_S: Final = 2.5
"""Time span of the scope line."""
COMET_COLOURS: Final = ((255, 190, 60), (60, 220, 255), (255, 70, 170), (150, 255, 90))
BACKGROUND_LEVEL: Final = 0.72
"""Brightness of the plasma: low enough for comets and waves to stand out."""


class Comet(NamedTuple):
    """One comet's path (a Lissajous figure) and its spots, from tail to head."""

    rate_x: float
    rate_y: float
    phase_x: float
    phase_y: float
    spots: tuple[tuple[Image.Image, ...], ...]
    """For each place in the trail, one image for each subpixel shift."""


class Renderer:
    """Renders the picture of one seed at one size; the same time gives the same pixels."""

    def __init__(self, seed: int, width: int, height: int) -> None:
        self.size = (width, height)
        self._signals = Signals(seed)
        dice = random.Random(f"beats demo picture {seed}")
        self._textures = [_tiled(_texture(dice)) for _ in range(2)]
        self._palette = _palette(dice.random())
        self._drift = [dice.uniform(0, math.tau) for _ in range(4)]
        self._comets = [
            self._comet(dice, colour) for colour in COMET_COLOURS[: 3 if min(self.size) < 24 else 4]
        ]
        self._distance = _distance(width, height)

    def image(self, time_s: float) -> Image.Image:
        """The picture at a moment."""
        image = self._plasma(time_s)
        self._add_wave(image, time_s)
        self._add_scope(image, time_s)
        for comet in self._comets:
            self._add_comet(image, comet, time_s)
        return image

    def _plasma(self, time_s: float) -> Image.Image:
        first, second, third, fourth = self._drift
        layers = [
            self._layer(self._textures[0], 0.17 * time_s + first, 0.09 * time_s + second, 0.06 * time_s),
            self._layer(self._textures[1], 0.11 * time_s + third, 0.14 * time_s + fourth, -0.09 * time_s),
        ]
        image = ImageChops.add_modulo(*layers)
        shift = int(14 * time_s + 7 * self._signals.knob_angle(time_s)) % 256 * 3
        image.putpalette(self._palette[shift:] + self._palette[:shift])
        return image.convert("RGB")

    def _layer(self, texture: Image.Image, turn_x: float, turn_y: float, angle: float) -> Image.Image:
        """A window into a texture, moved and rotated about the centre of the picture."""
        width, height = self.size
        zoom = VIEW_PX / max(width, height)
        cos, sin = zoom * math.cos(angle), zoom * math.sin(angle)
        centre_x = TILE_PX * (1 + (turn_x / math.tau) % 1)
        centre_y = TILE_PX * (1 + (turn_y / math.tau) % 1)
        left = centre_x - cos * width / 2 + sin * height / 2
        top = centre_y - sin * width / 2 - cos * height / 2
        matrix = (cos, -sin, left, sin, cos, top)
        return texture.transform(self.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)

    def _add_wave(self, image: Image.Image, time_s: float) -> None:
        """A ring that runs outwards from the centre after each press."""
        age = self._signals.since_press_s(time_s) / WAVE_S
        if age >= 1.0:
            return
        radius, strength = 235 * age, 255 * (1 - age) ** 1.5
        width = 10 + 16 * age
        levels = [strength * math.exp(-(((d - radius) / width) ** 2)) for d in range(256)]
        tint = (1.0, 0.93, 0.8)
        ring = Image.merge("RGB", [_mapped(self._distance, [int(v * t) for v in levels]) for t in tint])
        image.paste(ImageChops.add(image, ring))

    def _add_scope(self, image: Image.Image, time_s: float) -> None:
        """The accelerometer's x as a line that scrolls to the left, newest at the right edge."""
        width, height = self.size
        middle, swing = 0.8 * height, 0.15 * height
        step = max(1, width // 64)
        points = [
            (
                x,
                middle
                - swing * self._signals.acceleration(time_s - SCOPE_S * (1 - x / width)).x / GRAVITY_M_S2,
            )
            for x in range(-step, width + step, step)
        ]
        line = Image.new("L", self.size)
        ImageDraw.Draw(line).line(points, fill=255, width=max(1, height // 64))
        glow = line.filter(ImageFilter.BoxBlur(max(1, height // 40)))
        dim = _mapped(glow, [int(0.9 * v) for v in range(256)])
        # Darken the surroundings of the line first, so that it is visible on any colour.
        shade = ImageChops.invert(glow)
        image.paste(ImageChops.multiply(image, Image.merge("RGB", (shade, shade, shade))))
        image.paste(ImageChops.add(image, Image.merge("RGB", (dim, line, line))))

    def _add_comet(self, image: Image.Image, comet: Comet, time_s: float) -> None:
        width, height = self.size
        for place, spots in enumerate(comet.spots):
            moment = time_s - TRAIL_STEP_S * (TRAIL - 1 - place)
            x = width * (0.5 + 0.42 * math.sin(comet.rate_x * moment + comet.phase_x))
            y = height * (0.42 + 0.34 * math.sin(comet.rate_y * moment + comet.phase_y))
            left, top = math.floor(x), math.floor(y)
            shift = int((y - top) * SUBPIXELS) * SUBPIXELS + int((x - left) * SUBPIXELS)
            spot = spots[shift]
            box = (left - spot.width // 2, top - spot.height // 2)
            area = (*box, box[0] + spot.width, box[1] + spot.height)
            image.paste(ImageChops.add(image.crop(area), spot), box)

    def _comet(self, dice: random.Random, colour: tuple[int, int, int]) -> Comet:
        diameter = max(5, round(min(self.size) / 3.6))
        spots: list[tuple[Image.Image, ...]] = []
        for place in range(TRAIL):
            share = (place + 1) / TRAIL
            strength = 1.0 if place == TRAIL - 1 else 0.32 * share**1.5
            spots.append(_spots(max(3, round(diameter * (0.4 + 0.6 * share))), colour, strength))
        rates = dice.uniform(0.5, 1.1), dice.uniform(0.6, 1.3)
        return Comet(*rates, dice.uniform(0, math.tau), dice.uniform(0, math.tau), tuple(spots))


def _mapped(image: Image.Image, levels: list[int]) -> Image.Image:
    """The image with each value replaced by the level in its place."""
    # Pillow's own annotation of `point` names a NumPy type, which is unknown where NumPy is not installed.
    return image.point(levels)  # pyright: ignore[reportUnknownMemberType]


def _texture(dice: random.Random) -> Image.Image:
    """A seamless square of soft hills: a few sine waves whose periods divide its side."""
    waves = [
        (dice.choice((-2, -1, 1, 2)), dice.choice((-2, -1, 1, 2)), dice.uniform(0, math.tau))
        for _ in range(3)
    ]
    unit, share = math.tau / TILE_PX, 127.5 / len(waves)
    # Each wave's crest lines run through whole pixels, so one period of it holds all its values.
    tables = [[share * math.sin(unit * step + phase) for step in range(TILE_PX)] for _, _, phase in waves]
    pixels = bytearray()
    for y in range(TILE_PX):
        for x in range(TILE_PX):
            height = sum(
                table[(kx * x + ky * y) % TILE_PX] for table, (kx, ky, _) in zip(tables, waves, strict=True)
            )
            pixels.append(int(127.5 + height))
    return Image.frombytes("L", (TILE_PX, TILE_PX), bytes(pixels))


def _tiled(tile: Image.Image) -> Image.Image:
    """The texture repeated three times each way, so that every window lies inside it."""
    out = Image.new("L", (3 * TILE_PX, 3 * TILE_PX))
    for x in range(3):
        for y in range(3):
            out.paste(tile, (x * TILE_PX, y * TILE_PX))
    return out


def _palette(turn: float) -> bytes:
    """256 colours in a circle, with two dark valleys.

    The cosine gradient of Inigo Quilez (https://iquilezles.org/articles/palettes/), dimmed.
    """
    colours = bytearray()
    for index in range(256):
        place = index / 256
        light = BACKGROUND_LEVEL * (0.16 + 0.84 * (0.5 - 0.5 * math.cos(2 * math.tau * place)) ** 1.3)
        for base, swing, phase in ((0.6, 0.45, 0.0), (0.38, 0.36, 0.3), (0.62, 0.4, 0.58)):
            value = base + swing * math.cos(math.tau * (place + phase + turn))
            colours.append(max(0, min(255, int(255 * light * value))))
    return bytes(colours)


def _spots(diameter: int, colour: tuple[int, int, int], strength: float) -> tuple[Image.Image, ...]:
    """A glowing disc of one colour with a white centre, once for each subpixel shift."""
    side = diameter + 2
    gradient = Image.radial_gradient("L")
    zoom = 256 / diameter
    levels = [[_glow(distance, part, strength) for distance in range(256)] for part in colour]
    discs: list[Image.Image] = []
    for shift_y in range(SUBPIXELS):
        for shift_x in range(SUBPIXELS):
            x, y = side / 2 + shift_x / SUBPIXELS - 0.5, side / 2 + shift_y / SUBPIXELS - 0.5
            matrix = (zoom, 0, 128 - zoom * x, 0, zoom, 128 - zoom * y)
            field = gradient.transform(
                (side, side), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR, fillcolor=255
            )
            discs.append(Image.merge("RGB", [_mapped(field, part) for part in levels]))
    return tuple(discs)


def _glow(distance: int, part: int, strength: float) -> int:
    """Brightness of one colour channel at a gradient value of 0..255 from a spot's centre."""
    fall = max(0.0, 1 - distance / RIM)
    return int(min(255.0, strength * (0.9 * part * fall**1.8 + 255 * max(0.0, fall - 0.72) * 1.5)))


def _distance(width: int, height: int) -> Image.Image:
    """Distance from the centre: 0 there, `RIM` at the corners."""
    diagonal = math.hypot(width, height)
    zoom = 256 / diagonal
    matrix = (zoom, 0, 128 - zoom * width / 2, 0, zoom, 128 - zoom * height / 2)
    gradient = Image.radial_gradient("L")
    return gradient.transform((width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
