"""What the call flow takes for one event, beside a plain loop over dictionaries."""
