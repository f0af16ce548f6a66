"""Floor 6: what `make run` and the tests need on a bare machine: Asterisk, PostgreSQL, SIP callers."""
