"""A model of the journal's promise: chance breaks everything that may break, and every word is looked for."""
