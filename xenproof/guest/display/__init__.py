"""The screens of guests: SPICE and VNC clients, screenshots, certificates."""
