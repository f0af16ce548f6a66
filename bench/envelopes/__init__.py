"""What it costs to close recordings, and to open them."""
