"""What the sinks for LED walls share: settings, mapping, sockets, and the sink itself."""
