"""A camera read with OpenCV, with edges drawn beside it: two pictures of one stream.

python main.py              the first camera
python main.py film.mp4     a file, in a loop
"""

import sys
import time
from contextlib import suppress

import cv2

from beats.app import Stream

given = sys.argv[1] if len(sys.argv) > 1 else 0
camera = cv2.VideoCapture(given)
if not camera.isOpened():
    sys.exit(f"cannot open {'the first camera' if given == 0 else given}")

with suppress(KeyboardInterrupt), Stream.open(overrides={"pixels": {"format": "jpeg"}}) as stream:
    print(f"open {stream.sinks['browser'].address.page_url}", flush=True)
    while True:
        is_read, frame = camera.read()
        if not is_read:
            camera.set(cv2.CAP_PROP_POS_FRAMES, 0)  # a file has ended
            continue
        stream.publish_pixels(frame, order="bgr")
        stream.publish_pixels(cv2.Canny(frame, 80, 160), id="edges")
        if given != 0:
            time.sleep(1 / (camera.get(cv2.CAP_PROP_FPS) or 30))
