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
"""Settings that can change while a file is open; `min_free_bytes` applies from the next file on."""


_PACKAGES: Final = {"lz4": ("lz4.frame", "lz4"), "zstd": ("zstandard", "zstandard")}


class RecorderQueueSettings(QueueSettings):
    """The recorder's queue: deep, because a disk may stall for seconds."""

    size: Annotated[int, Field(ge=1)] = 4096
    """Largest number of waiting envelopes; more than a minute of 30 frames and 20 readings a second."""
    max_bytes: Annotated[int, Field(ge=1)] = 256 * MIB
    """Largest number of waiting bytes; an envelope larger than this is refused."""
    overflow: Overflow = "drop_newest"
    """What happens when a bound is reached; drop_newest leaves one gap in the recording, not many."""


class RecorderSettings(SinkSettings):
    """Where and how to record."""

    path: Annotated[str, Field(min_length=1)] = "recordings/{profile}-{start:%Y%m%d-%H%M%S}-{part:03}.mcap"
    """The file, relative to the current folder. Missing folders are created; nothing is ever overwritten.
    {profile} is the name of the profile, {start:…} the local time in a format of `strftime`, {part} the
    number of the file from 1. While it is being written, `.part` is added to its name."""
    compression: Literal["none", "lz4", "zstd"] = "none"
    """none, lz4 or zstd. Default none: PNG does not shrink, and zstd costs a quarter of the throughput."""
    flush_interval_s: Annotated[float, Field(ge=0.01, le=3600)] = 1.0
    """Longest time in seconds that an envelope is only in memory, and so lost if the process is killed."""
    fsync: Literal["never", "interval", "always"] = "interval"
    """When to wait for the disk itself, which limits the loss in a power cut: never (the operating system
    decides, some 30 s), interval (every `flush_interval_s`, in parallel with writing), always (after each
    batch)."""
    rotate_bytes: Annotated[int, Field(ge=0)] = 4096 * MIB
    """Size in bytes at which a new file is started; 0: never. 4 GiB is also what a FAT memory card holds."""
    rotate_s: Annotated[float, Field(ge=0)] = 3600.0
    """Age in seconds at which a new file is started; 0: never. While a file is open, its index grows in
    memory by some 4 MB an hour."""
    keep_parts: Annotated[int, Field(ge=1)] | None = None
    """Most finished files of this recorder to keep; older ones are deleted. None: all. Only files that this
    recorder wrote, and that were not renamed since, are counted and deleted."""
    keep_bytes: Annotated[int, Field(ge=1)] | None = None
    """Most bytes of finished files of this recorder to keep, as above; the file that is being written does
    not count. None: all."""
    min_free_bytes: Annotated[int, Field(ge=0)] = 256 * MIB
    """Free space in bytes to leave on the disk: recording stops before the disk is full."""
    idle: bool = False
    """Record only on command: a client with permission to control sends `record` to start and stop. Each
    recording holds everything published between the two commands, and begins with the state at that time.
    When other settings of this recorder change, it continues, if necessary in a further file."""
    snapshot_s: Annotated[float, Field(gt=0, le=86400)] | None = None
    """Instead of recording continuously, hold the last so many seconds in memory, and write them on command:
    `beats snapshot`, SIGUSR1, `Stream.snapshot()`, or the command `snapshot` of a client with permission to
    control."""
    snapshot_bytes: Annotated[int, Field(ge=1)] = 256 * MIB
    """Most bytes to hold for snapshots; the oldest envelopes are dropped first."""
    record_host: bool = False
    """Write the name of this machine into the recording."""
    # A frozen field may be narrowed, which pyright cannot see.
    queue: RecorderQueueSettings = RecorderQueueSettings()  # pyright: ignore[reportIncompatibleVariableOverride]
    """The queue between the bus and this sink."""

    @property
    def waits_to_be_told(self) -> bool:
        """Whether it creates files only on command."""
        return self.idle or self.snapshot_s is not None

    def resources(self, profile: str) -> Resources:
        """A file that no other sink writes, and the compressor if there is one."""
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
            raise ValueError("snapshot_s writes files only on command, and keeps them: leave keep_… out")
        if self.snapshot_s is not None and self.idle:
            raise ValueError(
                "idle records what comes after the command, snapshot_s what came before: leave one out, or "
                "use two sinks"
            )
        return self
