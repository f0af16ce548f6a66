"""Numbers and pictures: dashboard, league table, gaps, heat map, exports, letters."""
