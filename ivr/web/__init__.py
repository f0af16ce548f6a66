"""Floor 4: the HTTP side: panel, public pages, APIs, health, metrics."""
