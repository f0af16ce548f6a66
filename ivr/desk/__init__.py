"""Floor 3: what people and calls do. One function is one transaction."""
