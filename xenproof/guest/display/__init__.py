"""The screens of guests: SPICE, VNC, pictures, certificates."""
