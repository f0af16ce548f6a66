"""Floor 5: what runs around calls: carrying one, the worker, delivery, dialling, sockets, watching."""
