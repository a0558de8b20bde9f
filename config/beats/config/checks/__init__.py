"""Checks of merged settings: types, faults, and the lines they stand on."""
