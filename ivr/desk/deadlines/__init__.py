"""Time running out: the sweep, the proof that it ran, deadlines that move with the calendar."""
