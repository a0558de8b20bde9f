"""One viewer of the tests of links: notes what it is sent, and when.

    python -m tests.system.links_viewer URL

prints `tenth N` when it sees the first envelope that was captured in that tenth of a second of Unix time.
Once standard input has ended, it prints one line of JSON: `seen`, by topic a list of [SEQUENCE, CAPTURED_NS,
ARRIVED_NS], both in Unix time; `closed`, whether the server ended the connection; and `stats`, what it tells.
"""

import json
import sys
import threading
import time
from contextlib import suppress
from typing import Any, Final
from urllib.request import urlopen

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from beats.proto.streaming_pb2 import StreamEnvelope

TENTH_NS: Final = 10**8
Seen = dict[str, list[tuple[int, int, int]]]


def watch(connection: ClientConnection, seen: Seen) -> None:
    """Note what comes until the connection is closed."""
    tenth = 0
    for message in connection:
        arrived_ns = time.time_ns()
        assert isinstance(message, bytes), "the stream is binary"
        envelope = StreamEnvelope.FromString(message)
        is_frame = envelope.WhichOneof("payload") == "frame"
        topic = "frame" if is_frame else f"peripheral/{envelope.peripheral.peripheral_info.id}"
        captured_ns = envelope.captured_unix_ns
        seen.setdefault(topic, []).append((envelope.sequence, captured_ns, arrived_ns))
        if captured_ns // TENTH_NS > tenth:
            tenth = captured_ns // TENTH_NS
            print("tenth", tenth, flush=True)


def told(url: str) -> dict[str, Any]:
    """What the server counts."""
    with urlopen(f"{url.replace('ws:', 'http:').rstrip('/')}/api/stats", timeout=20) as answer:
        stats: dict[str, Any] = json.load(answer)
    return stats


def main() -> None:
    """Watch until standard input ends."""
    url = sys.argv[1]
    seen: Seen = {}
    has_ended = threading.Event()
    stats: dict[str, Any] = {}
    # No pings: a machine that is busy for long shall not look like a broken link.
    with connect(url, max_size=None, max_queue=None, ping_interval=None, proxy=None) as connection:

        def end() -> None:
            sys.stdin.read()
            stats.update(told(url))
            has_ended.set()
            connection.close()

        ending = threading.Thread(target=end, daemon=True)
        ending.start()
        with suppress(ConnectionClosed):
            watch(connection, seen)
    ending.join(20)
    print(json.dumps({"seen": seen, "closed": not has_ended.is_set(), "stats": stats}), flush=True)


if __name__ == "__main__":
    main()
