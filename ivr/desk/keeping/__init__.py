"""Keeping and letting go: backup, restore, retention, the chain of custody and its proof."""
