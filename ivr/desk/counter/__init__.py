"""The service desk's other doors: channels of other systems, following and tracking a case."""
