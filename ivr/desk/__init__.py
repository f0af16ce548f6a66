"""Floor 3: what people and calls do; one function is one transaction. Order: tests/test_floors.py."""
