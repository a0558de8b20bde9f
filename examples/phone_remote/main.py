"""A phone as a remote: its taps on the page move a dot.

Other devices reach it with the token that this program prints, and that the QR code on its page holds.
"""

import secrets
import time
from contextlib import suppress

import numpy as np

from beats.app import Control, Stream

TOKEN = secrets.token_urlsafe(9)
where, colour = 0, 0


def steer(control: Control) -> None:
    """The arrows move the dot, Activate changes its colour."""
    global where, colour
    if control.command == "browse":
        where += int(control.fields["browse_step"])
    elif control.command == "activate":
        colour += 1


overrides = {"sinks": {"browser": {"host": "0.0.0.0", "token": TOKEN}}}
with suppress(KeyboardInterrupt), Stream.open(overrides=overrides) as stream:
    print(
        f"open {stream.sinks['browser'].address.page_url}?token={TOKEN}, and there: Open on a phone",
        flush=True,
    )
    stream.on_control(steer)
    while True:
        wall = np.zeros((32, 32, 3), np.uint8)
        wall[12:20, (where * 4) % 32 : (where * 4) % 32 + 4, colour % 3] = 255
        stream.publish_pixels(wall)
        time.sleep(1 / 30)
