"""Who works here: accounts, signing in, rights by area, limits on trying, the audit. Touches no case."""
