"""What people look at: inbox, search, the case file, figures, exports.

Touches `saved_views`, and `figure_days`, which are counted once a day is over. Changes no case.
"""
