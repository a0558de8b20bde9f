"""Servers that fan messages out to WebSocket clients, each one process with the same command line.

    python -m tests.bench.peers NAME --size BYTES [--rate HZ] [--count N] [--duration S] [--pin CPU]
                                     [--queue N] [--prefill N] [--stalled]

run in the root of the repository. `NAME` is one of `PEERS`; `missing(NAME)` says which package it lacks.

* `--size`: bytes of each WebSocket message, all of them the same, headers of the framing not counted.
* `--rate`: messages a second; 0 (the default) is flat out.
* `--count`, `--duration`: it publishes until either is reached (default: until `stop`).
* `--pin`: the one CPU that every thread of the process runs on.
* `--queue`: how many messages may wait between producer and clients (default 256). `ours`: the size of the
  sink's queue and of each client's, with a byte bound that never comes first; `foxglove`: its backlog;
  `broadcast`, `picows`, `gather`: the handover to the event loop. A full handover makes the producer wait
  when it is flat out, and refuses the message (counted in `refused`) when it has a rate. `bare` has none.
  `ours-uvloop` is `ours` on the event loop of uvloop.
* `--prefill`: messages published before it listens for commands, for what a late joiner gets.
* `--stalled`: for `ours` alone: its defaults in place of `--queue`, but for a client's queue, which keeps the
  `latest` frame, and a `stall_timeout_s` of 2 s; every sixth frame is followed by an update of a peripheral.
  `missed:PORT` in its counts are the envelopes that the client with that port missed.

It listens on 127.0.0.1 and prints one line, `{"ready": PORT, "pid": PID}`. From then on each line on its
standard input is a command, and each command is answered with one line of JSON, in order:

* `clients N`: answers `{"clients": N}` once N clients or more are connected (for `foxglove`: subscribed).
* `start`: a producer thread begins to publish; answers `{"started": UNIX_NS}`. CPU time counts from here.
* `stats`: the figures below.
* `fresh`: the same, and `publish` counts from here.
* `wait S`: the figures as soon as the producer has ended, or after S seconds.
* `stop`, or the end of its input: the figures for the last time, then it ends.

The last 8 bytes of a message are the wall clock in nanoseconds when it was published, little endian,
signed. Figures: `error` (why the producer failed, if it did), `published`, `refused`, `elapsed_s` (since
`start`), `cpu_s` (user and system, of the process since `start`), `producer_cpu_s` (of the producer thread
alone), `publish` (of each call, or of every 64th when flat out, without the first tenth: `median_ns`,
`p99_ns` of the time passed, `cpu_median_ns`, `cpu_p99_ns` of the thread's CPU time), `rss_bytes`,
`idle_rss_bytes` (before the first client), and `counts`: exact counters of the server where it has any.
`ours` has `connected`, `dropped` of the sink's queue, and `delivered`, `missed` of all clients.

Compression is off everywhere and TCP_NODELAY on. Clients of `foxglove` speak its subprotocol;
`tests.bench.load` does it with `--dialect foxglove`, and `DIALECTS` says which peer needs what.
"""

import importlib.util
from typing import Final

OURS: Final = {"ours": "asyncio", "ours-uvloop": "uvloop"}
"""Beats, on each event loop."""
PEERS: Final = (*OURS, "bare", "broadcast", "picows", "foxglove", "gather")
DIALECTS: Final = {"foxglove": "foxglove"}
"""What clients of a peer must say before anything is sent to them, when it is not `plain`."""

_PACKAGES: Final = {
    "ours-uvloop": ("uvloop", "uvloop"),
    "picows": ("picows", "picows"),
    "foxglove": ("foxglove", "foxglove-sdk"),
}


def missing(name: str) -> str | None:
    """The package that a peer needs and that is not installed."""
    module, package = _PACKAGES.get(name, ("websockets", "websockets"))
    return package if importlib.util.find_spec(module) is None else None
