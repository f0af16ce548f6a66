"""Menu trees on their way to the air: drafts, trials, publishing, rehearsal, what calls did in each step."""
