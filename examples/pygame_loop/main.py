"""A game of pygame whose screen is also in a browser; the page's buttons steer it."""

import os
from contextlib import suppress

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # without a window; remove it to have one

import pygame

from beats.app import Stream

pygame.display.init()
screen = pygame.display.set_mode((320, 240))
clock, ball, speed = pygame.time.Clock(), pygame.Vector2(60, 60), pygame.Vector2(3, 2)

with suppress(KeyboardInterrupt), Stream.open() as stream:
    print(f"open {stream.sinks['browser'].address.page_url}", flush=True)
    stream.on_control(lambda control: speed.rotate_ip(90 if control.command == "browse" else 180))
    while True:
        ball += speed
        if not 20 <= ball.x <= 300:
            speed.x = abs(speed.x) if ball.x < 160 else -abs(speed.x)
        if not 20 <= ball.y <= 220:
            speed.y = abs(speed.y) if ball.y < 120 else -abs(speed.y)
        screen.fill("midnightblue")
        pygame.draw.circle(screen, "orange", ball, 20)
        pygame.display.flip()
        stream.publish_pixels(screen)
        clock.tick(60)
