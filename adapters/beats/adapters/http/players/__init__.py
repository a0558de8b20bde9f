"""Pictures for any player: MJPEG streams, and the latest picture as a file."""
