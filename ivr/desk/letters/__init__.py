"""What leaves the house in words: notices, the outbox's messages, formal letters, ready wordings.

Touches `outbox` and `papers`. Reads cases and changes none.
"""
