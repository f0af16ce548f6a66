"""Bench (a): FastAGI servers side by side under the same load."""
