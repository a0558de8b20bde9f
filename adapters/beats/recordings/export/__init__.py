"""Exports recordings to files for other programs: pictures, animations, tables of updates."""
