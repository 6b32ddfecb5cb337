"""SUSE supportconfig archives as a source: what was collected on a host for SUSE's support."""
