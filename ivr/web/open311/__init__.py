"""Open311 GeoReport v2 on top of the service desk: `/open311/v2` (docs/api.md)."""
