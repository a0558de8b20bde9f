#!/bin/sh
# An origin, a NATS server, and two edges whose viewers cost the origin nothing.
set -eu
streams= broker=
# What has ended by itself is no reason to leave the others running; the server ends last.
trap 'kill $streams || true; wait $streams || true; kill $broker || true; wait' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
nats-server --addr 127.0.0.1 --port 4222 &
broker=$!
beats run --profile origin &
origin=$!
BEATS_WEBSOCKET_PORT=8801 beats run --profile edge &
streams="$origin $!"
BEATS_WEBSOCKET_PORT=8802 beats run --profile edge &
streams="$streams $!"
echo "open http://localhost:8801 and http://localhost:8802"
wait $origin
