"""The HTTP API for other systems: `/api/v1`, described by `/api/openapi.json` (docs/api.md)."""
