"""Floor 3: what people and calls do; one function is one transaction. Order: tests/test_floors.py.

Each room says in its docstring which tables its own statements touch; what it has done by a room below, that
room says.
"""
