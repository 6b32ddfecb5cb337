"""root's ssh on a host: private keys without a passphrase, authorized keys, known hosts.

Only public keys are recorded.  Comments, host names and the text of key options stay on the host.
"""

import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass

from xenproof.errors import NotEvaluable, ParseError
from xenproof.probing.family import Family
from xenproof.probing.sections import Section, framed, section
from xenproof.profile.profile import Profile
from xenproof.source.probe import Probe, ProbeOutput

# A public key as a basic regular expression: its type, then its base64 text, whose first bytes are zero.
_KEY = r"\([a-z][a-z0-9@.-]*\)[[:space:]]\{1,\}\(AAAA[A-Za-z0-9+/]*=*\).*$"

# ~, ~/.ssh and the files that sshd reads by default: the paths that its option StrictModes checks.
_PATHS = r"""h=~root
if [ -O /proc/1 ]; then echo 'reader root'; else echo 'reader other'; fi
set --
for f in "$h" "$h/.ssh" "$h/.ssh/authorized_keys" "$h/.ssh/authorized_keys2"; do
[ ! -L "$f" ] || printf 'link %s\n' "$f"
if [ -e "$f" ]; then set -- "$@" "$f"; else printf 'missing %s\n' "$f"; fi
done
[ $# -eq 0 ] || stat -L -c 'path %f %u %n' "$@"
printf 'end %s\n' "$?" """

# The names that ssh tries by default, and those in its configuration; a key with a passphrase cannot be opened.
_KEYS = r"""opens() {
[ -f "$1" ] || return 0
t=$(ssh-keygen -y -P '' -f "$1" </dev/null 2>&1)
c=$?
t=${t##*
}
if [ "$c" -eq 0 ]; then r=${t#* } t="${t%% *} ${r%% *}"; fi
printf 'key %s %s\n %s\n' "$c" "$1" "$t"
}
for f in rsa dsa ecdsa ecdsa_sk ed25519 ed25519_sk; do opens "$h/.ssh/id_$f"; done
for f in "$h/.ssh/config" /etc/ssh/ssh_config /etc/ssh/ssh_config.d/*.conf; do
[ -f "$f" ] || continue
while read -r k v || [ -n "$k" ]; do
case $k in
[Ii][Dd][Ee][Nn][Tt][Ii][Tt][Yy][Ff][Ii][Ll][Ee]=*) v=${k#*=} ;;
[Ii][Dd][Ee][Nn][Tt][Ii][Tt][Yy][Ff][Ii][Ll][Ee]) v=${v#=} ;;
*) continue ;;
esac
v=${v# }
v=${v#'"'}
v=${v%'"'}
case $v in
'~/'*) opens "$h/${v#??}" ;;
%d/*) opens "$h/${v#%d/}" ;;
/*) opens "$v" ;;
esac
done <"$f"
done
echo end"""

# plain ssh-ed25519 AAAA... ; a key whose options restrict its commands is `limited`.
_AUTHORIZED = rf"""for f in "$h/.ssh/authorized_keys" "$h/.ssh/authorized_keys2"; do
[ -f "$f" ] || continue
printf 'file %s\n' "$f"
sed -n '
/^[[:space:]]*#/d
s/^[[:space:]]*{_KEY}/plain \1 \2/p
t
h
y/ABCDEFGHIJKLMNOPQRSTUVWXYZ/abcdefghijklmnopqrstuvwxyz/
/command=/b limited
/from=/b limited
/expiry-time=/b limited
/cert-authority/b limited
g
s/^.*[[:space:]]{_KEY}/plain \1 \2/p
b
:limited
g
s/^.*[[:space:]]{_KEY}/limited \1 \2/p
' "$f" || echo unread
done
echo end"""

_KNOWN = rf"""set --
for f in "$h/.ssh/known_hosts" "$h/.ssh/known_hosts2" /etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2; do
[ ! -f "$f" ] || set -- "$@" "$f"
done
[ $# -eq 0 ] || sed -n '
s/^[[:space:]]*@revoked[[:space:]].*[[:space:]]{_KEY}/revoked \1 \2/p
t
s/^[[:space:]]*@cert-authority[[:space:]].*[[:space:]]{_KEY}/authority \1 \2/p
t
s/^[[:space:]]*[^#@[:space:]][^[:space:]]*[[:space:]]\{{1,\}}{_KEY}/known \1 \2/p
' "$@"
printf 'end %s\n' "$?" """

_HOST_KEYS = r"""for f in /etc/ssh/ssh_host_*_key.pub; do
[ -f "$f" ] || continue
read -r t b c <"$f"
printf 'host %s %s\n' "$t" "$b"
done
echo end"""

# path 41c0 0 /root/.ssh
_PATH = re.compile(r"path ([0-9a-f]{3,5}) (\d{1,10}) (/.*)")
# key 0 /root/.ssh/id_ed25519
_OPENED = re.compile(r"key (\d{1,3}) (/.*)")
# plain ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI
_ROW = re.compile(r"([a-z]+) ([a-z][a-z0-9@.-]*) (AAAA[A-Za-z0-9+/]*={0,2})")
_NO_COMMAND = 127
_PATH_COUNT = 4


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key: its type such as "ssh-ed25519", and its base64 text."""

    kind: str
    blob: str


@dataclass(frozen=True, slots=True)
class SshPath:
    """A file or folder that sshd's StrictModes checks; links are followed, `linked` is true for a link."""

    mode: int
    owner: int
    linked: bool

    @property
    def others_write(self) -> bool:
        """Whether its group or everybody may write to it."""
        return bool(self.mode & (stat.S_IWGRP | stat.S_IWOTH))


@dataclass(frozen=True, slots=True)
class Ssh:
    """root's ssh on a host.

    `paths` are None if they do not exist.  `keys` are the private keys by their path: the public
    half of a key without a passphrase, else the message of ssh-keygen.  `authorized` are the keys
    of each existing file; those in `limited` may not run every command.  `known` are the host
    keys of known_hosts, and `authorities` those that may sign others.
    """

    home: str
    paths: Mapping[str, SshPath | None]
    keys: Mapping[str, PublicKey | str]
    authorized: Mapping[str, frozenset[PublicKey]]
    limited: frozenset[PublicKey]
    known: frozenset[PublicKey]
    authorities: frozenset[PublicKey]
    revoked: frozenset[PublicKey]
    host_keys: frozenset[PublicKey]

    @property
    def usable(self) -> dict[str, PublicKey]:
        """The private keys that work without interaction; a key on a security key waits for a touch."""
        keys = {path: key for path, key in self.keys.items() if isinstance(key, PublicKey)}
        return {path: key for path, key in keys.items() if not key.kind.startswith("sk-")}


def ssh_probe(profile: Profile) -> Probe:  # noqa: ARG001  # every probe is made from a profile
    """The public halves of root's keys, and the keys that root's ssh trusts."""
    parts = {"ssh": _PATHS, "keys": _KEYS, "authorized": _AUTHORIZED, "known": _KNOWN, "host-keys": _HOST_KEYS}
    return Probe("ssh", "".join(framed(name, script) for name, script in parts.items()), limit_s=20, beside=True)


def parse_ssh(output: ProbeOutput) -> Ssh:
    """The parsed output of the probe.

    Raises ParseError if a line has another form, NotEvaluable unless root reads the host.
    """
    paths = _paths(output)
    authorized = _authorized(output)
    known = _rows(_lines(output, "known"), ("known", "revoked", "authority"))
    return Ssh(
        home=next(iter(paths)),
        paths=paths,
        keys=_keys(output),
        authorized={path: keys["plain"] | keys["limited"] for path, keys in authorized.items()},
        limited=frozenset().union(*(keys["limited"] - keys["plain"] for keys in authorized.values())),
        known=known["known"] - known["revoked"],
        authorities=known["authority"],
        revoked=known["revoked"],
        host_keys=_rows(_lines(output, "host-keys"), ("host",))["host"],
    )


def _paths(output: ProbeOutput) -> dict[str, SshPath | None]:
    first, *lines = _lines(output, "ssh") or [""]
    if first not in ("reader root", "reader other"):
        raise ParseError(f"expected who reads, found {first[:200]!r}")
    if first != "reader root":
        raise NotEvaluable("only root can see root's keys; log in as root")
    links, found = set[str](), dict[str, SshPath | None]()
    for line in lines:
        word, _, rest = line.partition(" ")
        if word in ("link", "missing") and rest.startswith("/"):
            links |= {rest} if word == "link" else set()
            found |= {rest: None} if word == "missing" else {}
        elif row := _PATH.fullmatch(line):
            found[row[3]] = SshPath(int(row[1], 16), int(row[2]), row[3] in links)
        else:
            raise ParseError(f"expected a path and its mode, found {line[:200]!r}")
    if len(found) != _PATH_COUNT:
        raise ParseError(f"expected {_PATH_COUNT} paths of ssh, found {len(found)}")
    # Shortest path first: the home folder contains all others.
    return dict(sorted(found.items(), key=lambda row: len(row[0])))


def _keys(output: ProbeOutput) -> dict[str, PublicKey | str]:
    lines = _lines(output, "keys")
    found: dict[str, PublicKey | str] = {}
    if len(lines) % 2:
        raise ParseError("expected two lines for each private key")
    for line, answer in zip(lines[::2], lines[1::2], strict=True):
        if (row := _OPENED.fullmatch(line)) is None or not answer.startswith(" "):
            raise ParseError(f"expected a private key and what ssh-keygen says of it, found {line[:200]!r}")
        if int(row[1]) == _NO_COMMAND:
            raise ParseError(f"ssh-keygen cannot be run: {answer[:200]!r}")
        found[row[2]] = answer.strip() if int(row[1]) else _public(answer.strip())
    return found


def _public(text: str) -> PublicKey:
    return next(iter(_rows([f"key {text}"], ("key",))["key"]))


def _authorized(output: ProbeOutput) -> dict[str, dict[str, frozenset[PublicKey]]]:
    files: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in _lines(output, "authorized"):
        if line.startswith("file /"):
            current = files.setdefault(line.removeprefix("file "), [])
        elif current is None:
            raise ParseError(f"expected a file of authorized keys, found {line[:200]!r}")
        else:
            current.append(line)
    return {path: _rows(lines, ("plain", "limited")) for path, lines in files.items()}


def _rows(lines: list[str], words: tuple[str, ...]) -> dict[str, frozenset[PublicKey]]:
    found: dict[str, set[PublicKey]] = {word: set() for word in words}
    for line in lines:
        if (row := _ROW.fullmatch(line)) is None or row[1] not in words:
            raise ParseError(f"expected {' or '.join(words)} and a public key, found {line[:200]!r}")
        found[row[1]].add(PublicKey(row[2], row[3]))
    return {word: frozenset(keys) for word, keys in found.items()}


def _lines(output: ProbeOutput, name: str) -> list[str]:
    """The lines before the last one, which marks that the part is complete."""
    found: Section = section(output, name).ended_with(0)
    *lines, last = found.lines or [""]
    if last not in ("end", "end 0"):
        raise ParseError(f"{name!r} was not read to its end; the last it says is {last[:200]!r}")
    return lines


SSH = Family("ssh", ssh_probe, parse_ssh)
