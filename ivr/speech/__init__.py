"""Floor 4: turning prompt texts into telephone audio, and proving that none is missing."""
