"""How long figures take at a million cases."""
