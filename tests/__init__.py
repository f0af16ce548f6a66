"""The suite. Mirrors the rooms of `ivr/`; reads as sentences."""
