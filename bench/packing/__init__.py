"""What packing recordings saves, and what it costs."""
