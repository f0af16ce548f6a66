"""Ways out of the house: text messages, mail, webhooks. Each sends one letter, or says why not."""
