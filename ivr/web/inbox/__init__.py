"""The inbox: queues, filters, search, saved views, deeds on many cases, news of them while one looks."""
