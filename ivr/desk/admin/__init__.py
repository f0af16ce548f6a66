"""Floor 3: what people change of the province's book: agencies, topics, areas, rules, calendar, wordings."""
