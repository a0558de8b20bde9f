"""The bounded queue of one sink, or of one viewer."""
