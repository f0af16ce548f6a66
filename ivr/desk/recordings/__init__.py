"""Recordings as evidence: hearing, revealing, marks, transcripts, the store. May change cases by `case`."""
