"""Channels of universes that are values of their own: dimmers, positions, speeds."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from beats.adapters.led.universes import CHANNELS
from beats.config.settings import Settings


class PatchSettings(Settings):
    """Where the value of a peripheral is."""

    universe: Annotated[int, Field(ge=0)] | None = None
    """The universe that holds the channels; None: the first one of the source."""
    channel: Annotated[int, Field(ge=1, le=CHANNELS)]
    """The first channel, counted from 1."""
    count: Annotated[int, Field(ge=1, le=CHANNELS)] = 1
    """Number of values, one after the other; more than one are published as a list."""
    bits: Literal[8, 16] = 8
    """8: one channel for each value, 0 to 255. 16: two, coarse and fine, 0 to 65,535."""

    @property
    def channels(self) -> range:
        """Where the channels are among the bytes of their universe."""
        first = self.channel - 1
        return range(first, first + self.count * self.bits // 8)

    def value(self, levels: bytes) -> int | list[int]:
        """What the channels of its universe say; those that are missing are 0."""
        size = self.bits // 8
        end = self.channels.stop
        levels = levels[:end].ljust(end, b"\0")
        values = [int.from_bytes(levels[at : at + size], "big") for at in self.channels[::size]]
        return values if self.count > 1 else values[0]

    @model_validator(mode="after")
    def _it_is_in_its_universe(self) -> Self:
        if self.channels.stop > CHANNELS:
            raise ValueError(
                f"channel {self.channel} with {self.count} values of {self.bits} bits ends at channel "
                f"{self.channels.stop}; a universe ends at {CHANNELS}: make channel or count smaller"
            )
        return self


class Patch:
    """Tells which peripherals have a new value."""

    def __init__(self, settings: Mapping[str, PatchSettings], universe: int) -> None:
        """Begin without values.

        Args:
            settings: by the id of each peripheral.
            universe: of those that name none.
        """
        self._places: Final = {
            id_: (universe if each.universe is None else each.universe, each)
            for id_, each in settings.items()
        }
        self._values: Final[dict[str, int | list[int]]] = {}

    def changes(self, universes: Mapping[int, bytes]) -> Iterator[tuple[str, int | list[int]]]:
        """Ids and values of what has changed; of a universe that never came, nothing is known."""
        for id_, (universe, settings) in self._places.items():
            if universe in universes:
                value = settings.value(universes[universe])
                if self._values.get(id_) != value:
                    self._values[id_] = value
                    yield id_, value
