"""The settings of the sink `recorder`."""

from collections.abc import Iterator
from typing import Annotated, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from beats.adapters.sinks.recorder.naming import Names, check_template
from beats.config.settings import MIB, Overflow, QueueSettings, SinkSettings
from beats.kernel.resources import Doubt, Output, Package, Resources

ADJUSTABLE: Final = frozenset(
    {"flush_interval_s", "keep_bytes", "keep_parts", "min_free_bytes", "rotate_bytes", "rotate_s"}
)
"""What can change within a file; the reserve of `min_free_bytes` from the next file on."""


_PACKAGES: Final = {"lz4": ("lz4.frame", "lz4"), "zstd": ("zstandard", "zstandard")}


class RecorderQueueSettings(QueueSettings):
    """The recorder's queue: deep, because a disk stalls for seconds, and what is in it is kept."""

    size: Annotated[int, Field(ge=1)] = 4096
    """Largest number of waiting envelopes; more than a minute of 30 frames and 20 readings a second."""
    max_bytes: Annotated[int, Field(ge=1)] = 256 * MIB
    """Largest number of waiting bytes; an envelope larger than this is refused."""
    overflow: Overflow = "drop_newest"
    """What happens when a bound is reached; drop_newest leaves one gap in the recording, not many."""


class RecorderSettings(SinkSettings):
    """Where and how to record."""

    path: Annotated[str, Field(min_length=1)] = "recordings/{profile}-{start:%Y%m%d-%H%M%S}-{part:03}.mcap"
    """The file, from the current folder; folders are made, and nothing is ever overwritten. {profile} is the
    profile's name, {start:…} the local time as `strftime` writes it, {part} counts the files from 1. While it
    is written, `.part` is added to its name."""
    compression: Literal["none", "lz4", "zstd"] = "none"
    """none, lz4 or zstd; none because PNG does not shrink and zstd costs a quarter of the throughput."""
    flush_interval_s: Annotated[float, Field(ge=0.01, le=3600)] = 1.0
    """Longest time in seconds that an envelope is in memory only: what a killed process loses."""
    fsync: Literal["never", "interval", "always"] = "interval"
    """When the disk itself must have it, which is what counts in a power cut: never (the operating system
    decides, some 30 s), interval (each `flush_interval_s`, beside the writing), always (after each batch)."""
    rotate_bytes: Annotated[int, Field(ge=0)] = 4096 * MIB
    """Size in bytes at which a new file is begun; 0: never. 4 GiB is also what a FAT memory card holds."""
    rotate_s: Annotated[float, Field(ge=0)] = 3600.0
    """Age in seconds at which a new file is begun; 0: never. The index of a file grows in memory while it is
    written, by some 4 MB an hour."""
    keep_parts: Annotated[int, Field(ge=1)] | None = None
    """Most finished files of this recorder to keep; older ones are deleted. None: all. Only files that this
    recorder wrote and that still have the names that it gave them are counted and deleted."""
    keep_bytes: Annotated[int, Field(ge=1)] | None = None
    """Most bytes of finished files of this recorder to keep, as above; the one that is being written is not
    counted. None: all."""
    min_free_bytes: Annotated[int, Field(ge=0)] = 256 * MIB
    """Bytes that the disk shall keep free: recording stops before the disk is full."""
    idle: bool = False
    """Record only while told to, by the command `record` of a client who may steer: each time a recording of
    its own, of all that was published between the two commands, which begins with the state at that time. It
    goes on, if need be in a further file, when other settings of this recorder change."""
    snapshot_s: Annotated[float, Field(gt=0, le=86400)] | None = None
    """Seconds to hold in memory, however the wall clock is set, and to write only when told: by
    `beats snapshot`, SIGUSR1, `Stream.snapshot()`, or the command `snapshot` of a client who may steer; in
    place of recording all the time."""
    snapshot_bytes: Annotated[int, Field(ge=1)] = 256 * MIB
    """Most bytes to hold so; the oldest give way."""
    record_host: bool = False
    """Write this machine's name into the recording."""
    # A frozen field may be narrowed, which pyright cannot see.
    queue: RecorderQueueSettings = RecorderQueueSettings()  # pyright: ignore[reportIncompatibleVariableOverride]
    """The queue between the bus and this sink."""

    @property
    def waits_to_be_told(self) -> bool:
        """Whether it makes a file only when it is told to."""
        return self.idle or self.snapshot_s is not None

    def resources(self, profile: str) -> Resources:
        """A file that nobody else writes, and the compressor if there is one."""
        names = Names(self.path, profile, 0)
        packages = [_PACKAGES[self.compression]] if self.compression in _PACKAGES else []
        return Resources(
            outputs=(Output("path", names.path(1), is_new=names.is_fixed and not self.waits_to_be_told),),
            packages=tuple(Package("compression", *package) for package in packages),
            doubts=tuple(self._doubts()),
        )

    def _doubts(self) -> Iterator[Doubt]:
        """Where finished files plus the one being written exceed the bound of `keep_…`."""
        if self.keep_bytes is None and self.keep_parts is None:
            return
        key = "keep_parts" if self.keep_bytes is None else "keep_bytes"
        if not (self.rotate_bytes or self.rotate_s or self.idle):
            text = "nothing is ever deleted, because all goes to one file: set rotate_s or rotate_bytes"
            yield Doubt(key, text)
        elif self.keep_bytes is not None and not 0 < self.rotate_bytes <= self.keep_bytes:
            size = "any size" if not self.rotate_bytes else f"{self.rotate_bytes:,} bytes"
            text = (
                f"the file being written is not counted and may grow to {size}: set rotate_bytes to a "
                "fraction of keep_bytes"
            )
            yield Doubt(key, text)

    @field_validator("path")
    @classmethod
    def _known_placeholders(cls, path: str) -> str:
        check_template(path)
        return path

    @model_validator(mode="after")
    def _one_way_to_record(self) -> Self:
        if self.snapshot_s is not None and (self.keep_parts is not None or self.keep_bytes is not None):
            raise ValueError("snapshot_s writes a file only when told, and keeps it: leave keep_… out")
        if self.snapshot_s is not None and self.idle:
            raise ValueError(
                "idle records what comes after it is told, snapshot_s what came before: leave one out, or "
                "have two such sinks"
            )
        return self
