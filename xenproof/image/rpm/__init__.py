"""rpm's databases in an image, in all their formats."""
