"""Brings the frames of a view into a form that its viewers take, those of each picture in their order."""

from collections.abc import Callable
from typing import Final

from beats.adapters.sinks.websocket.choice import StreamChoice
from beats.kernel.envelope import Envelope
from beats.pictures.variants import Lost, Variants


class _Picture:
    """The frames of one topic, since one of them had to be encoded."""

    def __init__(self) -> None:
        self.pending = 0
        """How many are being encoded, or wait for it."""
        self.held: Envelope | None = None
        """A newer frame that the viewers take as it is; it must not overtake those."""
        self.shown: Envelope | None = None
        """What the viewers were sent last."""


class Converter:
    """Decides which frames go to the viewers as they are, and has the others encoded.

    A picture whose frames all go as they are costs nothing here.
    """

    def __init__(
        self,
        choice: StreamChoice,
        variants: Variants,
        send: Callable[[Envelope], object],
        lose: Callable[[Envelope, Lost], object],
    ) -> None:
        """Encode nothing yet.

        Args:
            choice: what the viewers take.
            variants: encodes; the choice's variant must be in use already, so that it cannot be refused.
            send: gets frames that did not go at once, encoded or not.
            lose: gets frames that the viewers do not get, and why.
        """
        self._takes: Final = choice.takes
        self._send: Final = send
        self._lose: Final = lose
        self._pictures: Final[dict[str, _Picture]] = {}
        self._stream: Final = None if choice.variant is None else variants.open(choice.variant, self._done)

    @property
    def idle(self) -> bool:
        """Whether the last frame of each picture went as it is."""
        return not self._pictures

    def passes(self, frame: Envelope) -> bool:
        """Whether a frame goes to the viewers as it is, now; otherwise `send` or `lose` gets it."""
        picture = self._pictures.get(frame.topic)
        if self._takes(frame):
            if picture is None:
                return True
            if not picture.pending:
                del self._pictures[frame.topic]
                return True
            self._drop_held(picture)
            picture.held = frame
        elif self._stream is None:
            self._lose(frame, "format")
        else:
            if picture is None:
                picture = self._pictures[frame.topic] = _Picture()
            self._drop_held(picture)
            picture.pending += 1
            self._stream.submit(frame)
        return False

    def for_joiner(self, values: list[Envelope]) -> list[Envelope]:
        """What a viewer that joins others gets of last values: of encoded ones, what those were sent last.

        What is still being encoded reaches it with them.
        """
        found: list[Envelope] = []
        replaced: set[str] = set()
        for envelope in values:
            picture = self._pictures.get(envelope.topic)
            if picture is None:
                if self._takes(envelope):
                    found.append(envelope)
            elif envelope.topic not in replaced:
                replaced.add(envelope.topic)
                if picture.shown is not None:
                    found.append(picture.shown)
        return found

    def close(self) -> None:
        """The viewers have left: drop what is still to come."""
        if self._stream is not None:
            self._stream.close()

    def _done(self, frame: Envelope, result: Envelope | Lost) -> None:
        picture = self._pictures[frame.topic]
        picture.pending -= 1
        if isinstance(result, Envelope):
            picture.shown = result
            self._send(result)
        else:
            self._lose(frame, result)
        if picture.held is not None and not picture.pending:
            picture.shown, picture.held = picture.held, None
            self._send(picture.shown)

    def _drop_held(self, picture: _Picture) -> None:
        if picture.held is not None:
            self._lose(picture.held, "encoder")
            picture.held = None
