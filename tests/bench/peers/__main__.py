"""A peer's process; see the package."""

import sys
from functools import partial

from tests.bench.peers import OURS
from tests.bench.peers.harness import main

if __name__ == "__main__":
    name = sys.argv.pop(1)
    if name in OURS:
        from tests.bench.peers.ours import serve

        main(partial(serve, OURS[name]))
    else:
        from tests.bench.peers.servers import SERVERS

        main(SERVERS[name])
