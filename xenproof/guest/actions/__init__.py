"""Actions on a running guest, with xl and with libvirt."""
