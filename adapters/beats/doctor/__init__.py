"""The checks of `beats doctor`. They change nothing, and close everything they open."""
