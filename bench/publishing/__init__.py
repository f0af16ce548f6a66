"""Trees published while people call: how soon the next call uses one, and what it does to those under way."""
