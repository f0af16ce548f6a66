"""A case and what may be done with it: its rows, events, codes and every change. Reads the book."""
