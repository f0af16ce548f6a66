"""A fail-over under calls to a standby that lags, by real streaming replication."""
