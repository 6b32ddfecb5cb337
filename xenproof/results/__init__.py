"""What a run found: verdicts, what they say of a host, and the file that keeps them."""
