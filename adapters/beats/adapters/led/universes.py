"""Pixels in DMX universes of 512 channels, which Art-Net and sACN carry."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Self

from pydantic import Field, model_validator

from beats.adapters.led.settings import LedSettings, WiringSettings
from beats.kernel.resources import Claim

CHANNELS: Final = 512
"""Channels of a universe: ANSI E1.11 (DMX512-A)."""


class CutSettings(WiringSettings):
    """How the bytes along a wire are cut into universes."""

    protocol: ClassVar[str]
    """The name of the protocol in messages."""
    last_universe: ClassVar[int]
    """The highest number that it has."""

    universe: Annotated[int, Field(ge=0)] = 0
    """Number of the first universe."""
    pixels_per_universe: Annotated[int, Field(ge=1, le=170)] | None = None
    """Number of pixels in each universe, before the next one begins. None: as many as 512 channels hold, 170
    of RGB or 128 of RGBW."""

    @property
    def universe_bytes(self) -> int:
        """Bytes of pixels in a full universe."""
        return (self.pixels_per_universe or CHANNELS // self.channels) * self.channels

    @property
    def first(self) -> tuple[int, int]:
        """The universe of the first pixel, and its place there in bytes."""
        universes, place = divmod(self.offset * self.channels, self.universe_bytes)
        return self.universe + universes, place

    @property
    def numbers(self) -> range:
        """The universes of these pixels; none without pixels."""
        if not self.pixels:
            return range(0)
        first, place = self.first
        count = -(-(place + self.pixels * self.channels) // self.universe_bytes)
        return range(first, first + count)

    def cut(self, wire: bytes) -> list[bytes]:
        """The channels of each universe; before the first pixel they are 0."""
        size = self.universe_bytes
        whole = bytes(self.first[1]) + wire
        return [whole[at : at + size] for at in range(0, len(whole), size)]

    def join(self, universes: Mapping[int, bytes]) -> bytes:
        """The bytes along the wire, from the channels of each universe; those that are missing are 0."""
        size = self.universe_bytes
        parts = [universes.get(number, b"")[:size].ljust(size, b"\0") for number in self.numbers]
        _, place = self.first
        return b"".join(parts)[place : place + self.pixels * self.channels]

    @model_validator(mode="after")
    def _universes_exist(self) -> Self:
        fit = CHANNELS // self.channels
        if self.pixels_per_universe is not None and self.pixels_per_universe > fit:
            raise ValueError(
                f"pixels_per_universe is {self.pixels_per_universe}; a universe's {CHANNELS} channels hold "
                f"at most {fit} pixels of {self.color_order}"
            )
        numbers = self.numbers
        if self.size and numbers[-1] > self.last_universe:
            raise ValueError(
                f"size {list(self.size)} needs {len(numbers)} universes, {numbers[0]} to {numbers[-1]}, and "
                f"{self.protocol} ends at {self.last_universe}: make universe, offset or size smaller"
            )
        return self


# The size that a sink needs comes first, before the one that a source may leave out.
class UniversesSettings(LedSettings, CutSettings):  # pyright: ignore[reportIncompatibleVariableOverride]
    """An LED wall whose pixels are cut into universes."""

    def claim(self, host: str) -> Claim:
        """A universe cannot be shared: its channels before and after those of the wall are sent as 0."""
        return Claim("universe", f"the {self.protocol} universes of {host}", self.numbers)

    @property
    def place(self) -> tuple[object, ...]:
        """What identifies the wall's place: that of every wall, and its universes."""
        return *super().place, self.numbers, self.first, self.universe_bytes
