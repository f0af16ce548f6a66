"""The page of one case: its story, its recordings, and what may be done with it (docs/panel.md)."""
