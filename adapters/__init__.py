"""Dialects of vendors: pure functions between bytes and the canonical message."""
