"""What people change of the province's book, and how files become rows: forms, checks, undoing, seeding."""
