"""What a call does to the books: intake, verdicts, repeats, call-backs, blocks, supervisors' deeds."""
