"""Long runs that measure: `python -m bench.<name>`."""
