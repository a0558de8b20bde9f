#!/bin/sh
# An origin, a NATS server, and two edges whose viewers cost the origin nothing.
set -eu
nats-server --addr 127.0.0.1 --port 4222 &
broker=$!
beats run --profile origin &
origin=$!
BEATS_WEBSOCKET_PORT=8801 beats run --profile edge &
first=$!
BEATS_WEBSOCKET_PORT=8802 beats run --profile edge &
second=$!
trap 'kill $first $second $origin; wait $first $second $origin; kill $broker' EXIT INT TERM
echo "open http://localhost:8801 and http://localhost:8802"
wait $origin
