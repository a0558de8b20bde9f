"""Brings the frames of a view into a form that its viewers take, those of each picture in their order."""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from beats.adapters.sinks.websocket.choice import StreamChoice
from beats.kernel.envelope import Envelope
from beats.pictures.variants import Lost, Variants

_MOST_MISSED: Final = 1000
"""After so many frames that could not be encoded, a viewer that joins no longer gets the one before them."""


class Missed(NamedTuple):
    """A frame that viewers did not get."""

    why: Lost
    sequence: int
    size_bytes: int


class _Picture:
    """The frames of one topic, since one of them had to be encoded."""

    def __init__(self) -> None:
        self.pending = 0
        """How many are being encoded, or wait for it."""
        self.held: Envelope | None = None
        """A newer frame that the viewers take as it is; it must not overtake those."""
        self.shown: Envelope | None = None
        """What the viewers were sent last."""
        self.missed: list[Missed] = []
        """What they did not get after that."""


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

    def for_joiner(
        self, first: Iterable[Envelope], then: Iterable[Envelope]
    ) -> tuple[list[Envelope], list[Envelope], list[Missed]]:
        """What a viewer that joins others gets of last values, and what it misses.

        Of pictures that are encoded it gets what the others were sent last. What is still being encoded
        reaches it with them; what they missed in between is missing for it, too.

        Args:
            first: the last values, or the first new frame of a topic.
            then: further frames of those topics.
        """
        values: list[Envelope] = []
        missed: list[Missed] = []
        for envelope in first:
            picture = self._pictures.get(envelope.topic)
            if picture is None:
                values.append(envelope)
            elif picture.shown is not None:
                values.append(picture.shown)
                missed += picture.missed
        more = [envelope for envelope in then if envelope.topic not in self._pictures]
        if self._stream is None:
            unfit = [envelope for envelope in (*values, *more) if not self._takes(envelope)]
            missed += [Missed("format", each.sequence, len(each.encoded)) for each in unfit]
        takes = self._takes
        return [each for each in values if takes(each)], [each for each in more if takes(each)], missed

    def close(self) -> None:
        """The viewers have left: drop what is still to come."""
        if self._stream is not None:
            self._stream.close()

    def _done(self, frame: Envelope, result: Envelope | Lost) -> None:
        picture = self._pictures[frame.topic]
        picture.pending -= 1
        if isinstance(result, Envelope):
            self._show(picture, result)
        else:
            self._miss(picture, frame, result)
        if picture.held is not None and not picture.pending:
            held, picture.held = picture.held, None
            self._show(picture, held)

    def _show(self, picture: _Picture, frame: Envelope) -> None:
        picture.shown = frame
        picture.missed = [each for each in picture.missed if each.sequence > frame.sequence]
        self._send(frame)

    def _miss(self, picture: _Picture, frame: Envelope, why: Lost) -> None:
        self._lose(frame, why)
        picture.missed.append(Missed(why, frame.sequence, len(frame.encoded)))
        if len(picture.missed) > _MOST_MISSED:
            picture.shown = None
            picture.missed.clear()

    def _drop_held(self, picture: _Picture) -> None:
        if picture.held is not None:
            self._miss(picture, picture.held, "encoder")
            picture.held = None
