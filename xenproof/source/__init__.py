"""Sources of a host's state: each runs probes and returns their raw output."""
