"""Opens hosts from their URLs."""
