#!/bin/sh
# Record a show of a few seconds, look into the file, cut it, make a GIF of it, and replay the cut.
set -eu
cd "$(mktemp -d ./show-XXXXXX)" # a new folder each time: Beats overwrites no recording
beats record --out show.mcap --duration "${1:-5}"
beats info show.mcap
beats cut show.mcap first.mcap --end 1
beats export show.mcap --gif show.gif
beats replay first.mcap --loop
