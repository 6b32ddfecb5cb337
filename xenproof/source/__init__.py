"""Where the state of a host comes from: each source runs probes and gives their raw output."""
