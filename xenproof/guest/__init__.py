"""Guests: their images, the witness inside, their life, leases on the host, the leak check."""
