"""Menu trees on their way to the air: drafts, trials, publishing, rehearsal, what calls did in each step.

Touches `menu_drafts`, `menu_step_days`, and `outbox` with news of a trial; revisions are written by `book`.
No case.
"""
