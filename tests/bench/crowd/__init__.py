"""WebSocket clients that behave badly, all of one kind in one process.

    python -m tests.bench.crowd --port P --manner MANNER --count N [--bytes-per-s R] [--per-s R] [--pin CPU]
                                [--dialect plain|foxglove] [--numbered]

prints `{"ready": N}` once its clients are in place, keeps as many there by sending a new one for each that
the server closes, and prints its figures when standard input says `stop` or ends. `MANNER`:

* `frozen`: connects, and never reads a byte of the stream.
* `slow`: reads `--bytes-per-s`, evenly, for ever. With `--numbered` (the messages are Beats' envelopes) it
  looks at their sequence numbers. `drain` on standard input, answered with the figures, lets the clients read
  without a limit until 0.7 s pass without a byte.
* `resetting`: reads for a second, then resets the connection, and comes again.
* `half_open`: connects, and sends no handshake.
* `churning`: connections come at `--per-s`, each is let in and leaves at once, every other one with a reset.

Figures: `opened`, `closed` (by the server), `closed_s` (after how long, each), `refused`; of `slow` also
`clients`: for each one `port` (its own), `frames`, `missing` (of frames, from their numbers),
`peripherals`, `peripherals_missing`, `last_frame`, and of all of them `ages`: `samples`, `p50_ms`, `p99_ms`,
`max_ms` between a message's stamp and its last byte.

Its sockets have the operating system's own buffers, and its process gives way to the healthy clients' (nice).
"""
