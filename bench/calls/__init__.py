"""Bench (b): real calls through Asterisk to the whole hotline."""
