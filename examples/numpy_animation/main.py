"""Colours that flow, made with NumPy, in a browser."""

import time
from contextlib import suppress

import numpy as np

from beats.app import Stream

y, x = np.mgrid[0:120, 0:160] / 20

with suppress(KeyboardInterrupt), Stream.open() as stream:
    print(f"open {stream.sinks['browser'].address.page_url}", flush=True)
    while True:
        t = time.monotonic()
        waves = np.sin(x + t), np.sin(y + 1.3 * t), np.sin(x + y - 0.7 * t)
        stream.publish_pixels(np.uint8(127 * np.stack(waves, axis=-1) + 128))
        stream.publish_peripheral("phase", {"t": round(t, 2)})
        time.sleep(1 / 60)
