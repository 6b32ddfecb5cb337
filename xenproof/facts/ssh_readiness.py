"""Whether root's ssh is ready for `xl migrate`: on one host, and between several."""

import stat
from collections.abc import Iterable
from dataclasses import dataclass

from xenproof.errors import NotEvaluable, UsageError
from xenproof.facts.ssh import SSH, PublicKey, Ssh
from xenproof.facts.sshd import SSHD
from xenproof.probing.answer import Answer
from xenproof.profile.profile import Profile
from xenproof.source.address import ROOT, Address, Scheme, parse_url
from xenproof.source.probe import Recording

NOISE = "login noise"
# The values of sshd's option AuthorizedKeysFile for the files that are read here.
_FILES = (".ssh/authorized_keys", ".ssh/authorized_keys2")


@dataclass(frozen=True, slots=True)
class Readiness:
    """The requirements that one host can show: a silent login, a usable key, authorized keys, known hosts."""

    recording: Recording
    profile: Profile

    @property
    def silent(self) -> Answer:
        """Whether root's login shell prints nothing before a command's own output.

        Raises NotEvaluable if the host was not read over ssh as root.
        """
        address = _address(self.recording.host)
        if address is None or address.scheme not in (Scheme.SSH, Scheme.LAB):
            raise NotEvaluable("this host was not read through a login: read it over ssh:// as root")
        if address.user != ROOT:
            raise NotEvaluable(f"{address.user} logged in, and xl migrates as root: read the host as root")
        noise = self.recording.about.get(NOISE, "")
        return Answer(not noise, f"it prints {noise[:200]!r}" if noise else "nothing before the first command")

    @property
    def usable(self) -> Answer:
        """Whether root has a private key that works without a passphrase and without an agent."""
        ssh = self._ssh
        if not ssh.keys:
            return Answer(False, f"there is no private key in {ssh.home}/.ssh, and ssh's configuration names none")
        words = [f"{path} ({key.kind if isinstance(key, PublicKey) else key})" for path, key in ssh.keys.items()]
        return Answer(bool(ssh.usable), ", ".join(words))

    def present(self, what: str) -> Answer:
        """Whether there is any key in root's "authorized_keys" or "known_hosts"."""
        if what == "known_hosts":
            known = self._ssh.known | self._ssh.authorities
            return Answer(bool(known), f"host keys in root's and the system's known_hosts: {len(known)}")
        files = _authorized(self._ssh, self._files)
        seen = ", ".join(f"keys in {path}: {len(keys)}" for path, keys in files.items())
        return Answer(any(files.values()), seen or f"there is no file of them in {self._ssh.home}/.ssh")

    @property
    def safe(self) -> Answer:
        """Whether sshd's StrictModes accepts root's authorized keys: only root can write to them.

        Raises NotEvaluable if there is no such file, or if it is a link, because the folder of its target was not read.
        """
        ssh = self._ssh
        files = list(_authorized(ssh, self._files))
        if not files:
            raise NotEvaluable(f"there is no file of authorized keys in {ssh.home}/.ssh")
        looked_at = [ssh.home, f"{ssh.home}/.ssh", *files]
        problems = [problem for path in looked_at for problem in _problems(ssh, path, is_file=path in files)]
        return Answer(not problems, ", ".join(problems) or f"only root can write to {', '.join(looked_at)}")

    @property
    def trust(self) -> "Trust":
        """The keys that root of this host offers, and those that it trusts, for a comparison with other hosts."""
        ssh = self._ssh
        files = _authorized(ssh, self._files)
        lets_in = frozenset[PublicKey]().union(*files.values())
        return Trust(
            self.recording.host,
            frozenset(ssh.usable.values()),
            lets_in - ssh.limited,
            lets_in & ssh.limited,
            ssh.known,
            ssh.revoked,
            ssh.host_keys,
        )

    @property
    def _ssh(self) -> Ssh:
        return SSH.of(self.recording, self.profile)

    @property
    def _files(self) -> list[str]:
        return SSHD.of(self.recording, self.profile).value("authorizedkeysfile").split()


@dataclass(frozen=True, slots=True)
class Trust:
    """The keys with which root of one host and other hosts identify themselves: few enough to keep for every host."""

    host: str
    keys: frozenset[PublicKey]
    lets_in: frozenset[PublicKey]
    limits: frozenset[PublicKey]
    known: frozenset[PublicKey]
    revoked: frozenset[PublicKey]
    host_keys: frozenset[PublicKey]

    def reaches(self, others: Iterable["Trust"]) -> Answer:
        """Whether root of this host can log in to all others without a prompt.

        Host keys are compared, not names: those may be hashed.  Raises NotEvaluable if the keys of a host's
        sshd are not known.
        """
        found = list(others)
        problems = [problem for other in found for problem in self._problems(other)]
        return Answer(not problems, "; ".join(problems) or f"both sides fit for {', '.join(o.host for o in found)}")

    def _problems(self, other: "Trust") -> Iterable[str]:
        if not other.host_keys:
            raise NotEvaluable(f"{other.host} has no /etc/ssh/ssh_host_*_key.pub to compare with")
        if not self.keys:
            yield f"no private key opens by itself, so {other.host} cannot let it in"
        elif not self.keys & other.lets_in:
            some = "lets its key in only for some commands or hosts" if self.keys & other.limits else "has no key of it"
            yield f"{other.host} {some} in root's authorized_keys"
        if revoked := self.revoked & other.host_keys:
            yield f"the {_kinds(revoked)} host key of {other.host} is revoked in known_hosts"
        elif not self.known & other.host_keys:
            yield f"the host key of {other.host} ({_kinds(other.host_keys)}) is not among its known_hosts"


def _kinds(keys: Iterable[PublicKey]) -> str:
    return ", ".join(sorted(key.kind for key in keys))


def _authorized(ssh: Ssh, files: list[str]) -> dict[str, frozenset[PublicKey]]:
    """The keys of the files that sshd reads; raises NotEvaluable if it reads only other files."""
    paths = {form: f"{ssh.home}/{name}" for name in _FILES for form in (name, f"%h/{name}", f"{ssh.home}/{name}")}
    read = {paths[form] for form in files if form in paths}
    if not read and files != ["none"]:
        raise NotEvaluable(f"sshd reads authorized keys from {' '.join(files)[:200]}, which is not looked at")
    return {path: keys for path, keys in ssh.authorized.items() if path in read}


def _problems(ssh: Ssh, path: str, *, is_file: bool) -> Iterable[str]:
    found = ssh.paths.get(path)
    if found is None:
        yield f"{path} is missing"
        return
    if found.linked:
        raise NotEvaluable(f"{path} is a link, and the folder that it leads to is not looked at")
    if found.owner:
        yield f"{path} belongs to user {found.owner}, not to root"
    if found.others_write:
        yield f"{path} has mode {stat.S_IMODE(found.mode):04o}, so others can write to it"
    if is_file != stat.S_ISREG(found.mode):
        yield f"{path} is no {'file' if is_file else 'folder'}"


def _address(url: str) -> Address | None:
    try:
        return parse_url(url)
    except UsageError:
        return None
