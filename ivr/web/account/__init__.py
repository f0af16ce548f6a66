"""Her or his own account: signing in, password, second factor, sessions. Touches the desk's `people` only."""
