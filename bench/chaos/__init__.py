"""Chaos: real calls through a real Asterisk while everything is killed, stopped, cut off and filled up."""
