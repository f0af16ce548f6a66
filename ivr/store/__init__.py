"""Floor 2: tables and queries, one noun per file."""
