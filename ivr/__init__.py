"""Seda 111: the citizens' hotline beside Asterisk. The floors of the house are in docs/architecture.md."""

__version__ = "0.1.0"
