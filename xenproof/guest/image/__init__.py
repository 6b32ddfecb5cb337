"""How the images of guests are made: kernels, initramfs, file systems, boot sectors."""
