"""Bench (d): topic and agency from words, beside plain TF-IDF."""
