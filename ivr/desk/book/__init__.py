"""The province's book: bodies, topics, areas, rules, ladders, menus, seeds; all read it.

Touches `menu_revisions`, `menu_events`, `announcements`, and `code_misses` of whoever asks for a case by
its code. Changes no case, but looks into cases for a caller: who she is, what an earlier call of hers left,
how hers stands.
"""
