"""The panel's foundation: who is signed in, what they may do, and how a page is made (docs/panel.md)."""
