"""SUSE supportconfig archives as a source: what a host said of itself when its support data were collected."""
