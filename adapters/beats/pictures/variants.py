"""Frames in other formats and sizes for those who ask: each encoded once for all of them, newest first."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal, NamedTuple, Self, cast

import anyio
from anyio import to_thread

from beats.kernel.envelope import Envelope, Frame
from beats.pictures.encoding import EncoderPool
from beats.pictures.errors import PictureError
from beats.pictures.formats import DEFAULT_QUALITY, MEDIA_TYPES, Format, identify
from beats.pictures.recent import RecentPixels
from beats.proto.codec import StreamCodec

Lost = Literal["encoder", "format"]
"""Why there is no picture: a newer one came before a worker was free, or it cannot be decoded or encoded."""
OnDone = Callable[[Envelope, "Envelope | Lost"], object]
"""Gets a frame, and the same frame in the variant, or why it is lost."""

_CLOSE_TIMEOUT_S: Final = 1.0
_CODEC: Final = StreamCodec()


class Variant(NamedTuple):
    """A form in which frames are wanted."""

    format: Format = "png"
    quality: int = DEFAULT_QUALITY
    """1 to 100, of JPEG and WebP."""
    max_width: int | None = None
    """Scale down to this width, in pixels; None keeps the size."""

    def __str__(self) -> str:
        quality = "" if self.format == "png" else f" of quality {self.quality}"
        width = "" if self.max_width is None else f", at most {self.max_width} pixels wide"
        return f"{self.format}{quality}{width}"


ALWAYS: Final = frozenset({Variant(), Variant("jpeg"), Variant("webp")})
"""Variants of full size, which do not count: any viewer can fall back on one of them."""


class TooManyVariants(Exception):  # noqa: N818 - says what it is
    """No further variant is possible, because `max_variants` are in use; the text names them."""


class Variants:
    """Encodes frames in the variants that are in use. Belongs to an event loop: only its threads are others'.

    A consumer opens a variant, submits the frames that it wants in it, and closes it:

        with variants.open(Variant("jpeg", 70, max_width=480), on_done) as stream:
            for envelope in frames_of_a_picture:
                stream.submit(envelope)  # returns at once
            ...

    For each frame that it submits, `on_done` is called once, in the event loop, later than `submit`: with the
    frame and an envelope of the same topic, sequence and times, whose `message` is the encoded `Frame` and
    whose `encoded` holds its bytes on the wire; or with the frame and the reason why it is lost. Encoded
    frames of one topic come in their order; that one is lost may be told before an earlier one is encoded.
    After `close` it is called no more.

    Each frame is encoded once for all consumers of a variant, however many submit it and in whatever order;
    the last result of each topic is kept for those who come late. While no thread is free, only the newest
    frame of a topic waits in each variant. A frame for which nobody waits any more is not encoded.
    """

    def __init__(
        self, name: str, *, workers: int, max_variants: int, published: RecentPixels | None = None
    ) -> None:
        """Start nothing yet: threads start with the first frame.

        Args:
            name: what threads and log lines are called.
            workers: number of threads, at least 1.
            max_variants: most variants in use at once, besides those of `ALWAYS`.
            published: what frames were made of that this program has encoded itself.
        """
        self._max_variants = max_variants
        self._name: Final = name
        self._workers = workers
        self._published: Final = published or RecentPixels()
        self._decoded: Final = RecentPixels()
        """Pixels of decoded frames, for other variants of the same frame."""
        self._in_use: Final[dict[Variant, _Encodings]] = {}
        self._pool: EncoderPool[_Job, Envelope | None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._unsettled = 0
        self._idle: Final = asyncio.Event()
        self._turn: Final = asyncio.Lock()
        self._encoded = self._skipped = self._failed = 0

    def adjust(self, workers: int, max_variants: int) -> None:
        """Change the number of threads, and of variants that can be opened; those in use stay."""
        self._workers, self._max_variants = workers, max_variants
        if self._pool is not None:
            self._pool.resize(workers)

    async def drain(self) -> None:
        """Wait until no result is still to come."""
        while self._unsettled:
            self._idle.clear()
            await self._idle.wait()

    def open(self, variant: Variant, on_done: OnDone | None = None) -> "VariantStream":
        """Begin to use a variant; without `on_done` it is only kept in use, for others.

        Raises:
            TooManyVariants: it would be one more than `max_variants`.
        """
        variant = _plain(variant)
        others = {each.variant for each in self._in_use.values() if each.is_lasting} - ALWAYS
        if variant not in ALWAYS | others and len(others) >= self._max_variants:
            names = "; ".join(sorted(map(str, others)))
            raise TooManyVariants(
                "Frames are encoded in as many variants as may be "
                f"(max_variants = {self._max_variants}){names and f': {names}'}. "
                "Ask for one of these, or leave out max_width and quality"
            )
        return self._open(variant, on_done, is_lasting=True)

    def _open(self, variant: Variant, on_done: OnDone | None, *, is_lasting: bool) -> "VariantStream":
        encodings = self._in_use.setdefault(variant, _Encodings(variant))
        stream = VariantStream(self, encodings, on_done, is_lasting=is_lasting)
        encodings.streams.add(stream)
        return stream

    async def convert(self, envelope: Envelope, variant: Variant) -> Envelope:
        """One frame in a variant; a newer one of its topic if that is encoded in its place.

        It may be one variant more than `max_variants`; then one such frame is encoded after the other.

        Raises:
            PictureError: it cannot be decoded or encoded.
        """
        variant = _plain(variant)
        others = self._in_use.keys() - ALWAYS
        if variant in ALWAYS | others or len(others) < self._max_variants:
            return await self._convert(envelope, variant)
        async with self._turn:
            return await self._convert(envelope, variant)

    async def _convert(self, envelope: Envelope, variant: Variant) -> Envelope:
        results: asyncio.Queue[Envelope | Lost] = asyncio.Queue()
        with self._open(variant, lambda _, result: results.put_nowait(result), is_lasting=False) as stream:
            while True:
                stream.submit(envelope)
                result = await results.get()
                if result == "format":
                    raise PictureError(f"{envelope.topic} cannot be shown as {variant}")
                if result != "encoder":
                    return result
                envelope = stream.newest(envelope)

    def metrics(self) -> dict[str, float]:
        """What was encoded since the start, and in how many variants now; nothing before the first frame.

        Any thread may ask.
        """
        if self._loop is None:
            return {}
        return {
            "variants": float(sum(bool(each.lanes) for each in tuple(self._in_use.values()))),
            "variant_frames_total": float(self._encoded),
            "variant_frames_skipped_total": float(self._skipped),
            "variant_frames_failed_total": float(self._failed),
        }

    def close(self) -> None:
        """End the threads; waits up to a second for what they are at. A later frame starts them again."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close(_CLOSE_TIMEOUT_S)

    async def aclose(self) -> None:
        """As `close`, without holding up the event loop; also in a cancelled scope."""
        with anyio.CancelScope(shield=True):  # bounded, see `close`
            await to_thread.run_sync(self.close)

    def submit(self, stream: "VariantStream", envelope: Envelope) -> None:
        """What `VariantStream.submit` does."""
        encodings = stream.encodings
        lane = encodings.lanes.setdefault(envelope.topic, _Lane())
        self._loop = loop = asyncio.get_running_loop()
        if job := lane.jobs.get(envelope.sequence):
            job.streams.append(stream)
        elif envelope.sequence > lane.newest.sequence if lane.newest else True:
            lane.newest = envelope
            job = lane.jobs[envelope.sequence] = _Job(envelope, encodings.variant, lane, stream)
            self._unsettled += 1
            loop.call_soon(
                self._begin, job
            )  # when the original has been written: threads compete for processors
        elif lane.done is not None and lane.done.envelope.sequence == envelope.sequence:
            loop.call_soon(stream.tell, envelope, lane.done.result)
        else:
            loop.call_soon(stream.tell, envelope, "encoder")  # a newer one took its place

    def _begin(self, job: "_Job") -> None:
        if job.streams:
            self._encoders().submit(f"{job.envelope.topic} as {job.variant}", job)
        else:
            self._settle(job, None)

    def _encoders(self) -> "EncoderPool[_Job, Envelope | None]":
        if self._pool is None:
            self._pool = EncoderPool(
                self._encode,
                workers=self._workers,
                on_encoded=lambda _, job, result: self._later(job, result),
                on_given_up=lambda _, job: self._later(job, "encoder"),
                on_failed=lambda _, job, _error: self._later(job, "format"),
                name=self._name,
            )
        return self._pool

    def _encode(self, job: "_Job") -> Envelope | None:
        """Encode a frame, in a worker thread; None if nobody waits for it.

        Raises:
            PictureError: it cannot be decoded or encoded.
        """
        if not job.streams:
            return None
        # Imported when the first picture is encoded: most programs need no Pillow.
        from beats.pictures.encoders import decode, encode, transcode

        envelope, variant = job.envelope, job.variant
        topic, frame = envelope.topic, cast("Frame", envelope.message)
        pixels = self._published.of(topic, frame.data) or self._decoded.of(topic, frame.data)
        # A JPEG is decoded at a fraction of its size where a small one is wanted: quicker than to share it.
        if pixels is None and len(self._in_use) > 1 and frame.media_type != MEDIA_TYPES["jpeg"]:
            pixels = decode(frame.data, frame.media_type)
            self._decoded.keep(topic, frame.data, pixels)
        if pixels is None:
            data = transcode(frame.data, frame.media_type, *variant)
        else:
            data = encode(pixels, *variant)
        media_type, width, height = identify(data)
        message = Frame(data, frame.id, media_type, width, height)
        encoded = _CODEC.seal(_CODEC.prepare(message), envelope.sequence, envelope.captured_unix_ns)
        return envelope._replace(message=message, encoded=encoded)

    def _later(self, job: "_Job", result: Envelope | Lost | None) -> None:
        """Settle a job in the event loop; called by any thread."""
        assert self._loop is not None
        with suppress(RuntimeError):  # the loop is closed: nobody waits for the result
            self._loop.call_soon_threadsafe(self._settle, job, result)

    def _settle(self, job: "_Job", result: Envelope | Lost | None) -> None:
        self._unsettled -= 1
        if not self._unsettled:
            self._idle.set()
        envelope, lane = job.envelope, job.lane
        del lane.jobs[envelope.sequence]
        if result is None:  # nobody wanted it when its turn came
            if lane.newest is envelope:
                lane.newest = None
            for stream in job.streams:
                self.submit(stream, envelope)
            return
        if result == "encoder":
            self._skipped += 1
        else:
            lane.done = _Done(envelope, result)
            if result == "format":
                self._failed += 1
            else:
                self._encoded += 1
        for stream in job.streams:
            stream.tell(envelope, result)

    def release(self, stream: "VariantStream") -> None:
        """What `VariantStream.close` does."""
        encodings = stream.encodings
        encodings.streams.discard(stream)
        for lane in encodings.lanes.values():
            for job in lane.jobs.values():
                while stream in job.streams:
                    job.streams.remove(stream)
        if not encodings.streams and self._in_use.get(encodings.variant) is encodings:
            del self._in_use[encodings.variant]
        if not self._in_use:
            self._published.clear()
            self._decoded.clear()


def _plain(variant: Variant) -> Variant:
    """PNG has no quality: all are one variant."""
    return variant._replace(quality=DEFAULT_QUALITY) if variant.format == "png" else variant


class _Done(NamedTuple):
    """A frame and what has become of it."""

    envelope: Envelope
    result: Envelope | Lost


class _Lane:
    """The frames of one topic in one variant."""

    def __init__(self) -> None:
        self.newest: Envelope | None = None
        """The newest frame that was submitted."""
        self.jobs: Final[dict[int, _Job]] = {}
        """Jobs without a result yet, by sequence: at most one that waits, and those that run."""
        self.done: _Done | None = None
        """The last one that was encoded, or could not be."""


class _Encodings:
    """All frames in one variant."""

    def __init__(self, variant: Variant) -> None:
        self.variant: Final = variant
        self.streams: Final[set[VariantStream]] = set()
        """The streams that use this variant."""
        self.lanes: Final[dict[str, _Lane]] = {}
        """By topic."""

    @property
    def is_lasting(self) -> bool:
        """Whether anyone wants more than one frame in it."""
        return any(stream.is_lasting for stream in self.streams)


class _Job:
    """A frame to encode."""

    def __init__(self, envelope: Envelope, variant: Variant, lane: _Lane, stream: "VariantStream") -> None:
        self.envelope: Final = envelope
        self.variant: Final = variant
        self.lane: Final = lane
        self.streams: Final = [stream]
        """The streams that wait for the result; only the event loop changes them."""


class VariantStream:
    """One consumer's use of a variant; what `Variants.open` returns."""

    def __init__(
        self, variants: Variants, encodings: "_Encodings", on_done: OnDone | None, *, is_lasting: bool
    ) -> None:
        self.is_lasting: Final = is_lasting
        self.encodings: Final = encodings
        self._variants: Final = variants
        self._on_done: Final = on_done
        self._closed = False

    def submit(self, envelope: Envelope) -> None:
        """Ask for a frame; those of one topic in their order. `on_done` gets the result."""
        self._variants.submit(self, envelope)

    def newest(self, envelope: Envelope) -> Envelope:
        """The newest frame that anyone has submitted of the topic of this one."""
        lane = self.encodings.lanes.get(envelope.topic)
        return envelope if lane is None or lane.newest is None else lane.newest

    def tell(self, envelope: Envelope, result: Envelope | Lost) -> None:
        """Pass on a result, unless the stream is closed."""
        if self._on_done is not None and not self._closed:
            self._on_done(envelope, result)

    def close(self) -> None:
        """Ask for nothing more; results that are still to come are dropped."""
        self._closed = True
        self._variants.release(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
