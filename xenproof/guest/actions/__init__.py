"""What xl and libvirt do to a guest that runs."""
