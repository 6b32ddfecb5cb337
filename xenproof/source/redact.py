"""Removes secrets from a host's output before it is stored."""

import re

REDACTED = b"[redacted]"

# The data comes from a host, and may be megabytes of text that almost matches.  Repeated groups are possessive (++):
# `re` then stores no backtracking positions, which took 170 bytes for each character.

# -----BEGIN OPENSSH PRIVATE KEY----- ... -----END OPENSSH PRIVATE KEY-----, or up to the end of a cut one.
_PRIVATE_KEY = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]{0,40})PRIVATE KEY( BLOCK|)-----.*?(?:-----END \1PRIVATE KEY\2-----|\Z)", re.DOTALL
)
# vncpasswd="secret" and spicepasswd='secret' in an xl.cfg, passwd='secret' in domain XML; an empty one is a fact.
_PASSWORD = re.compile(
    rb"(?i)(?<![a-z0-9])((?:vnc|spice)?_?pass(?:wd|word)[ \t]*=[ \t]*)(?:\"[^\"\n]+\"|'[^'\n]+'|[^\s\"',#]+)"
)
# "passwd": "secret" in the output of xl list --long; an empty one is a fact.
_JSON_PASSWORD = re.compile(rb'(?i)("(?:vnc|spice)?_?pass(?:wd|word)"\s*+:\s*+)"(?:[^"\\]++|\\.)++"')
# (vncpasswd 'secret') in files that xend left; an empty one is a fact.
_SXP_PASSWORD = re.compile(
    rb"(?i)(\((?:vnc|spice)?_?pass(?:wd|word)\s++)(?:\"(?:[^\"\\]++|\\.)++\"|'(?:[^'\\]++|\\.)++'|[^\s\"'()]+)"
)
# $6$salt$hash of a shadow file; grub.pbkdf2.sha512.10000.SALT.HASH of a grub.cfg
_HASH = re.compile(rb"\$(?:1|2[abxy]|5|6|7|y|gy)\$[./A-Za-z0-9$=,]{8,}|grub\.pbkdf2\.sha512\.[0-9A-Fa-f.]{16,}")


def redacted(data: bytes) -> tuple[bytes, int]:
    """`data` with private keys, passwords and their hashes replaced by "[redacted]", and the number of replacements."""
    data, keys = _PRIVATE_KEY.subn(REDACTED, data)
    data, passwords = _PASSWORD.subn(lambda found: found[1] + REDACTED, data)
    data, json_passwords = _JSON_PASSWORD.subn(lambda found: found[1] + b'"' + REDACTED + b'"', data)
    data, old_passwords = _SXP_PASSWORD.subn(lambda found: found[1] + REDACTED, data)
    data, hashes = _HASH.subn(REDACTED, data)
    return data, keys + passwords + json_passwords + old_passwords + hashes
