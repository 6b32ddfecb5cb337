"""Guests: their images, the witness inside them, their life cycle, leases on the host, the leak check."""
