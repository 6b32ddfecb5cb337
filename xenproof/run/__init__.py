"""A run on this machine: its folder, the identity of its processes, its progress, waiting and interruption."""
