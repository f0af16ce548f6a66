"""A long run of all at once, on large books."""
