#!/bin/sh
# Record a show of a few seconds, look into the file, cut it, replay the cut, and make pictures of it.
set -eu
beats record --out show.mcap --duration "${1:-5}"
beats info show.mcap
beats cut show.mcap first.mcap --end 1
beats export show.mcap --gif show.gif
beats replay first.mcap --loop
