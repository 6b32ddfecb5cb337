"""The bytes of a disk image: containers, partition tables, file systems."""
