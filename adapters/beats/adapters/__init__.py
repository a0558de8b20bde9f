"""What plugs into the kernel: sinks, sources, and the `beats` command."""
