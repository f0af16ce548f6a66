"""Floor 4: the HTTP side (health now, the panel later)."""
