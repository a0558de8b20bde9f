"""The pixels of the newest frame of each topic, so that who encodes it in another form need not decode it."""

from typing import Final

from beats.pictures.pixels import Pixels


class RecentPixels:
    """Keeps one picture for each topic, and nothing before somebody asks. Any thread may use it."""

    def __init__(self) -> None:
        self._is_asked = False
        self._newest: Final[dict[str, tuple[bytes, Pixels]]] = {}

    def keep(self, topic: str, data: bytes, pixels: Pixels) -> None:
        """Note what a frame was made of, or holds, in place of an earlier one of its topic."""
        if self._is_asked:
            self._newest[topic] = data, pixels

    def of(self, topic: str, data: bytes) -> Pixels | None:
        """The pixels of the frame with this data (the object itself, not an equal one), if they are kept."""
        self._is_asked = True
        found = self._newest.get(topic)
        return found[1] if found is not None and found[0] is data else None

    def clear(self) -> None:
        """Keep nothing until somebody asks again."""
        self._is_asked = False
        self._newest.clear()
