"""What is taken out of what a host printed, however it is written, within bounds of time and memory."""

import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selftest.lab.suite import REPOSITORY
from xenproof.source.redact import REDACTED, redacted

# As plainly as the patterns can be written, which takes 170 bytes of memory for each character of a long password.
JSON = re.compile(rb'(?i)("(?:vnc|spice)?_?pass(?:wd|word)"\s*:\s*)"(?:[^"\\]|\\.)+"')
SXP = re.compile(rb"(?i)(\((?:vnc|spice)?_?pass(?:wd|word)\s+)(?:\"(?:[^\"\\]|\\.)+\"|'(?:[^'\\]|\\.)+'|[^\s\"'()]+)")
PIECES = st.sampled_from(
    [b'"passwd"', b"(vncpasswd", b"_password", b":", b"=", b" ", b"\n", b'"', b"'", b"\\", b")", b"x", b"#", b","]
)


@settings(max_examples=1000)
@given(st.lists(PIECES, max_size=14).map(b"".join))
def test_the_same_passwords_are_taken_out_as_by_the_plain_patterns(text: bytes) -> None:
    found, count = redacted(text)
    # What the first pattern takes out, the others never see.
    plain = re.sub(
        rb"(?i)(?<![a-z0-9])((?:vnc|spice)?_?pass(?:wd|word)[ \t]*=[ \t]*)(?:\"[^\"\n]+\"|'[^'\n]+'|[^\s\"',#]+)",
        lambda match: match[1] + REDACTED,
        text,
    )
    plain = JSON.sub(lambda match: match[1] + b'"' + REDACTED + b'"', plain)
    plain = SXP.sub(lambda match: match[1] + REDACTED, plain)
    assert found == plain
    assert (count > 0) == (found != text)


# Nearly a secret, for megabytes: a beginning, what is repeated, and an end.
LONG = {
    "a password in JSON": (b'"passwd":"', b"x", b'"'),
    "one without an end": (b'"passwd":"', b"x", b""),
    "one of escapes": (b'"passwd":"', b"\\a", b"\\\n"),
    "a password of xend": (b'(passwd "', b"x", b'"'),
    "one in single quotes": (b"(passwd '", b"y\\'", b""),
    "spaces": (b"(passwd", b" ", b""),
    "many beginnings": (b"", b'"passwd":"\\"', b""),
    "many of xend": (b"", b"(passwd '(passwd \"", b""),
    "keys without an end": (b"", b"-----BEGIN PRIVATE KEY-----\n", b""),
    "keys with another end": (b"", b"-----BEGIN A PRIVATE KEY-----\n-----END B PRIVATE KEY-----\n", b""),
    "beginnings of keys": (b"", b"-----BEGIN AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", b""),
    "hashes": (b"", b"$1$", b""),
    "signs of equality": (b"", b"passwd=", b""),
}
MEASURED = """
import sys
from selftest.peak import own_peak_mib
from xenproof.source.redact import redacted
begin, body, end = (bytes.fromhex(word) for word in sys.argv[1:])
redacted(begin + body * ((8 << 20) // len(body)) + end)
print(own_peak_mib())
"""


@pytest.mark.parametrize("name", LONG)
def test_megabytes_of_nearly_a_secret_take_seconds_and_little_memory(name: str) -> None:
    words = [part.hex() for part in LONG[name]]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *words], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=True
    )
    assert int(done.stdout) < 300, "MiB"
