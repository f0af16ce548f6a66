"""What everybody sees without signing in: the first page, a telephone, a case followed by its code."""
