"""What a host is to guests: working folder and keeper, leases, leftovers."""
