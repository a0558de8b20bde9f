"""Layered settings: found, merged, checked and frozen before anything runs."""
