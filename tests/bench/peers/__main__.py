"""A peer's process; see the package."""

import sys

from tests.bench.peers.harness import main

if __name__ == "__main__":
    name = sys.argv.pop(1)
    if name == "ours":
        from tests.bench.peers.ours import serve

        main(serve)
    else:
        from tests.bench.peers.servers import SERVERS

        main(SERVERS[name])
