"""What a day's backup takes of what a whole one does."""
