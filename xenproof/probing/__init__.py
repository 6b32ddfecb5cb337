"""What all families of facts share: the probes of a host, and how their output is split into sections."""
