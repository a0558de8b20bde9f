"""What a server answers to `GET /api/stats`, checked: `kernel/stats.py` has what each field means."""

import json
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Count = Annotated[int, Field(ge=0, lt=2**64)]


class _Facts(BaseModel):
    """Fields that a newer server adds are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Amount(_Facts):
    """Envelopes, and their bytes."""

    items: Count
    bytes: Count


class Drop(_Facts):
    """What one cause took from one kind."""

    reason: str
    items: Count


class Queue(_Facts):
    """A sink's, or a client's."""

    offered: Amount
    taken: Amount
    dropped: Amount
    waiting: Amount
    drops: tuple[Drop, ...]
    high_water: Count


class Client(_Facts):
    """One viewer."""

    id: Count
    remote: str
    connected_unix_ns: Count
    behind: bool
    queue: Queue
    group: str = ""


class Group(_Facts):
    """All viewers of one class."""

    name: str
    connected: Count
    delivered: Amount
    waiting: Amount
    drops: tuple[Drop, ...]


class Totals(_Facts):
    """All viewers of a sink."""

    connected: Count
    accepted: Count
    refused: Count
    stalled: Count
    overflowed: Count
    delivered: Amount
    dropped: Amount
    groups: tuple[Group, ...] = ()
    flooded: Count = 0
    rejected_tokens: Count = 0


class Latency(_Facts):
    """A histogram."""

    bounds_s: tuple[float, ...]
    counts: tuple[Count, ...]


class Sink(_Facts):
    """One sink."""

    name: str
    state: str
    restarts: Count
    last_error: str
    queue: Queue
    clients: tuple[Client, ...] = ()
    client_totals: Totals | None = None
    latency: Latency | None = None
    figures: dict[str, float] = {}


class Playback(_Facts):
    """Where a replay is."""

    position_s: float
    duration_s: float
    speed: float | Literal["max"]
    paused: bool
    loops: Count


class Source(_Facts):
    """One source."""

    name: str
    state: str
    restarts: Count
    last_error: str
    published: Count
    playback: Playback | None = None


class Stats(_Facts):
    """The kernel's."""

    published: Count
    frames: Count
    sources: tuple[Source, ...]
    sinks: tuple[Sink, ...]


class Process(_Facts):
    """What the server's process costs."""

    pid: int
    cpu_s: float
    rss_bytes: Count | None = None
    open_files: Count | None = None


class Answer(_Facts):
    """All of it, at one instant."""

    beats: str
    profile: str
    time_unix_ns: Count
    uptime_s: float
    process: Process
    stats: Stats


class Sample(NamedTuple):
    """An answer as it came, and what it says."""

    document: dict[str, object]
    answer: Answer


def read(body: bytes) -> Sample:
    """Read an answer.

    Raises:
        ValueError: it is none; says what is wrong with it.
    """
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("no JSON") from None
    if not isinstance(document, dict):
        raise ValueError("no object")  # noqa: TRY004 - the text is wrong, not its type
    try:
        answer = Answer.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{where}: {first['msg']}") from None
    return Sample(document, answer)  # pyright: ignore[reportUnknownArgumentType]  # its keys are texts
