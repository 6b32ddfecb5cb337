"""What a host and its toolstacks support: ways to boot, kernels, backends, cache modes, many guests."""
