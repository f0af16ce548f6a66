"""Citizens meet officials: requests, sessions, agendas. Sees people, book and case."""
