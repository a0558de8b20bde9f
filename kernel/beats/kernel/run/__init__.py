"""What runs: the kernel, its sinks and sources, and their supervision."""
