"""What a recording holds, as files that other programs open: pictures, animations, tables of updates."""
