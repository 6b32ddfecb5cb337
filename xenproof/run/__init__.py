"""A run on this machine: its folder, who it is, how far it came, how it waits and how it is interrupted."""
