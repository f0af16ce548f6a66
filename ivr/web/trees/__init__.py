"""Menu trees: seen, edited, tried, put on the air and taken back."""
