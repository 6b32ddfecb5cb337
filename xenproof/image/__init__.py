"""Disk images and unpacked root directories as a source: read as they lie there, never mounted, never booted."""
