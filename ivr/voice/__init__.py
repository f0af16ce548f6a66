"""Floor 1, pure: the call flow as a sans-I/O state machine, the menu tree, and what is said."""
