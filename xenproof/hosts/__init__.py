"""From the URL of a host to an open host."""
