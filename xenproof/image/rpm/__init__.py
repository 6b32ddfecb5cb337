"""rpm's databases in an image, in each of their formats."""
