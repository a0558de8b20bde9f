"""What plugs into the kernel: sinks, sources, and what they share."""
