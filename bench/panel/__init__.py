"""The panel measured: lists and searches over ten thousand and a million cases."""
