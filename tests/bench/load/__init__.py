"""Thousands of WebSocket clients in one process that read, count and take the time, and do nothing else.

    python -m tests.bench.load --port P --clients N --size BYTES [--pin CPU] [--dialect plain|foxglove]
                               [--connecting N] [--first]

connects N clients to 127.0.0.1 (at most `--connecting` at a time, 100 by default) and prints one line when
all are connected: `{"ready": N, "connect_s": S}`; with `--first`, when all have got a first message too:
`"first_s"` says when the last one had it. `--size` is that of every message, as the peers are told; with 0
sizes vary and every header is read. Then each line on standard input is answered with one line of JSON:

* `begin`: counts and times from here; answers `{"begun": true}`.
* `stats`: the figures below.
* `until TOTAL S`: the figures once all clients together have TOTAL messages, or nothing came for S seconds.
* `stop`, or the end of its input: the figures for the last time, then it ends.

Figures: `received`, `bytes`, `per_client`, `closed` (connections that ended), `errors` (bytes that were not
what they had to be), `first_unix_ns` and `last_unix_ns` (of what was received), `cpu_s` (its own), and
`latency`: `samples`, `p50_ms`, `p99_ms`, `max_ms` from the times in the messages' last 8 bytes. One message
is sampled of each read: the first that it completes, which has waited longest.

It takes one `epoll` for all and one `recv_into` for what a client has waiting, into one buffer; the number of
messages follows from the number of bytes, and a header in each piece is looked at to see that it does. So
plain Python reads more than 2 million messages of 120 bytes a second. Linux alone has `epoll`.
"""
