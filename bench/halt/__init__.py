"""How long callers are halted by what goes on beside them."""
