"""Floor 1, pure: tracking codes, routing, working-day deadlines and the rules of a case."""
