"""The loop devices of a host."""

from xenproof.source.connection import Connection, quoted


def detach_loops(dom0: Connection, *paths: str) -> None:
    """Detach all loop devices that serve the files `paths` now; files without one are left alone."""
    if not paths:
        return
    devices = 'losetup -j "$file" | cut -d: -f1'
    dom0.run(f'for file in {quoted(*paths)}; do for device in $({devices}); do losetup -d "$device"; done; done')
