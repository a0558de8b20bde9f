"""An LED wall of 32 x 16 in the terminal, for trying the sink `ddp` without hardware.

It takes DDP packets (http://www.3waylabs.com/ddp/) on UDP port 4048, or on the one that is given.
"""

import socket
import struct
import sys
from contextlib import suppress

WIDTH, HEIGHT, PUSH = 32, 16, 0x01
wall = bytearray(3 * WIDTH * HEIGHT)


def draw() -> None:
    """Two pixels to a character: the upper one as foreground, the lower one as background."""
    lines = []
    for y in range(0, HEIGHT, 2):
        pairs = ((3 * (y * WIDTH + x), 3 * ((y + 1) * WIDTH + x)) for x in range(WIDTH))
        lines.append(
            "".join(
                "\x1b[38;2;{};{};{};48;2;{};{};{}m\u2580".format(
                    *wall[upper : upper + 3], *wall[lower : lower + 3]
                )
                for upper, lower in pairs
            )
        )
    print("\x1b[H" + "\x1b[0m\n".join(lines) + "\x1b[0m", flush=True)


with suppress(KeyboardInterrupt), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
    receiver.bind(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 4048))
    print(f"an LED wall on UDP port {receiver.getsockname()[1]}", flush=True)
    while True:
        packet = receiver.recv(2048)
        flags, _, _, _, offset, length = struct.unpack(">BBBBIH", packet[:10])
        wall[offset : offset + length] = packet[10 : 10 + length]
        if flags & PUSH:
            draw()
