"""Floor 6: the command line's groups, one noun per file. `ivr.cli` puts them together."""
