"""Floor 4: Asterisk's side: AGI codec, FastAGI server, channel, AMI, dialplan rendering."""
