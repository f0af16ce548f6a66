"""What people look at: inbox, search, the case file, figures, exports. Writes only what was seen or saved."""
