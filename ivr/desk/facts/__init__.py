"""The journal's facts on their way into the books, and what a dead process left: reconciling, adopting."""
