"""Recordings as evidence: hearing, revealing, marks, transcripts, the store.

Touches `recordings`, `transcripts` and `marks`, and the files beside them. Changes cases by `case` only.
"""
