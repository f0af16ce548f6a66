"""Escalation measured: many open cases, some of them due."""
