"""A database that goes back in time under calls: to a standby that lags, or by a point-in-time restore."""
