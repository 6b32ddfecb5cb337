"""Disk images and unpacked root directories as a source: only read, never mounted, never booted."""
