"""Meetings with officials: requests, sessions and their agendas."""
