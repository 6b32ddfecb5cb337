"""Addresses without the users and passwords that apt's configuration may have in them."""

import re

# Up to the last "@": apt writes a "/" or "@" of a password as it is.  A number before the first "/" is a port.  All
# within limits, as what is shown may be the output of a host.
_USER = re.compile(r"(?<=//)(?:[^/\s@]{0,2000}@|[^/\s:@\[]{0,2000}:(?!\d{0,5}(?:/|\Z))(?=\S{0,2000}@))(?:\S{0,2000}@)?")


def shown(text: str) -> str:
    """A text as it may be printed: its addresses without users and passwords.

    >>> shown("https://me:secret@deb.example:8080/debian/")
    'https://deb.example:8080/debian/'
    """
    return _USER.sub("", text)


def is_misread(address: str) -> bool:
    """Whether apt would take a part of the user or the password for the host: there is an "@" or a "/" in it."""
    found = _USER.search(address)
    return found is not None and any(sign in found[0][:-1] for sign in "@/#")
