"""The province's book: bodies, topics, areas, rules, ladders, menus, seeds. Touches no case; all read it."""
