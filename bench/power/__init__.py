"""Power cuts under calls."""
