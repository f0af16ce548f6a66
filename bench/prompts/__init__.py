"""What Asterisk takes to play a prompt, prepared in the channel's codec or not."""
