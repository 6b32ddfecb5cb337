"""Whether root's ssh is ready for a migration: on one host, and between two."""

import dataclasses
import os
import shlex
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenproof.errors import NotEvaluable, ParseError
from xenproof.facts.ssh import SSH, PublicKey, Ssh, parse_ssh, ssh_probe
from xenproof.facts.ssh_readiness import Readiness, Trust
from xenproof.probing.sections import printed, unknowable
from xenproof.profile.load import load_profile
from xenproof.source.probe import ProbeOutput, Recording

DATA = Path(__file__).parents[2] / "data"
PROFILE = load_profile("debian12")
SSHD = (DATA / "debian12-release" / "programs.txt").read_bytes()
ONE, TWO, THREE = (PublicKey("ssh-ed25519", f"AAAA{letter}") for letter in "abc")


def parts(**changed: str) -> bytes:
    """What the probe prints of a host on which all is right, or of one with other sections."""
    good = {
        "ssh": "reader root\nmissing /root/.ssh/authorized_keys2\npath 41c0 0 /root\npath 41c0 0 /root/.ssh\n"
        "path 8180 0 /root/.ssh/authorized_keys\nend 0\n",
        "keys": "key 0 /root/.ssh/id_ed25519\n ssh-ed25519 AAAAown\nend\n",
        "authorized": "file /root/.ssh/authorized_keys\nplain ssh-ed25519 AAAAin\nend\n",
        "known": "known ssh-ed25519 AAAAhost\nend 0\n",
        "host_keys": "host ssh-ed25519 AAAAmine\nend\n",
    }
    return "".join(printed(name.replace("_", "-"), text) for name, text in (good | changed).items()).encode()


def host(
    stdout: bytes, *, url: str = "ssh://root@xen1", about: Mapping[str, str] | None = None, sshd: bytes = SSHD
) -> Readiness:
    outputs = {"ssh": ProbeOutput("ssh", stdout, b"", 0), "programs": ProbeOutput("programs", sshd, b"", 0)}
    return Readiness(Recording(url, "2026-11-24T00:00:00+00:00", outputs, about or {}), PROFILE)


def many_keys() -> Readiness:
    return host((DATA / "ssh" / "many-keys.txt").read_bytes())


def test_a_real_host_is_ready() -> None:
    ready = host((DATA / "debian12-release" / "ssh.txt").read_bytes())
    assert ready.silent.yes
    assert ready.usable.yes
    assert str(ready.usable) == "yes: /root/.ssh/id_ed25519 (ssh-ed25519)"
    assert ready.present("authorized_keys").yes
    assert ready.present("known_hosts").yes
    assert ready.safe.yes
    # Hosts of one image of the lab are alike, so that each lets the other in.
    assert ready.trust.reaches([dataclasses.replace(ready.trust, host="lab://other")]).yes


def test_a_real_host_with_all_kinds_of_keys() -> None:
    ssh: Ssh = SSH.of(many_keys().recording, PROFILE)
    assert {path.rpartition("/")[2]: key.kind for path, key in ssh.usable.items()} == {
        "id_ed25519": "ssh-ed25519",
        "other": "ecdsa-sha2-nistp256",  # ~/.ssh/config names it
    }
    assert "incorrect passphrase" in str(ssh.keys["/root/.ssh/id_rsa"])
    assert str(ssh.keys["/root/.ssh/third"]).endswith("bad permissions")
    # environment= is no limit, restrict neither; command= and FROM= are.
    assert len(ssh.authorized["/root/.ssh/authorized_keys"]) == 5
    assert sorted(key.kind for key in ssh.limited) == ["ecdsa-sha2-nistp256", "ssh-rsa"]
    assert [len(keys) for keys in (ssh.known, ssh.revoked, ssh.authorities, ssh.host_keys)] == [1, 1, 1, 3]


def test_nothing_but_public_keys_is_recorded() -> None:
    text = (DATA / "ssh" / "many-keys.txt").read_text("utf-8")
    for word in ("hidden", "SECRET", "PASSWORD", "command", "root@", "xenproof-lab", "PRIVATE KEY", "|1|"):
        assert word not in text


@pytest.mark.parametrize("url", ["ssh://root@xen1", "ssh://xen1:2222", "lab://debian12"])
def test_a_login_that_prints_is_not_silent(url: str) -> None:
    assert host(parts(), url=url).silent.yes
    noisy = host(parts(), url=url, about={"login noise": "Welcome!\n"}).silent
    assert not noisy.yes
    assert "'Welcome!\\n'" in noisy.seen


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("local://", "not read through a login"),
        ("image:///var/lib/xen.raw", "not read through a login"),
        ("a host", "not read through a login"),
        ("ssh://admin@xen1", "admin logged in"),
    ],
)
def test_without_a_login_of_root_nothing_is_said_of_it(url: str, reason: str) -> None:
    with pytest.raises(NotEvaluable, match=reason):
        _ = host(parts(), url=url).silent


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("end\n", "there is no private key in /root/.ssh"),
        ('key 255 /root/.ssh/id_rsa\n Load key "/root/.ssh/id_rsa": bad permissions\r\nend\n', "bad permissions)"),
        ("key 0 /root/.ssh/id_ed25519_sk\n sk-ssh-ed25519@openssh.com AAAAkey\nend\n", "sk-ssh-ed25519@openssh.com"),
    ],
)
def test_a_key_that_does_not_open_by_itself_is_not_usable(keys: str, said: str) -> None:
    answer = host(parts(keys=keys)).usable
    assert not answer.yes
    assert said in answer.seen


def test_no_keys_are_there() -> None:
    bare = host(parts(authorized="end\n", known="end 0\n"))
    assert not bare.present("authorized_keys").yes
    assert not bare.present("known_hosts").yes
    with pytest.raises(NotEvaluable, match="no file of authorized keys"):
        _ = bare.safe
    empty = host(parts(authorized="file /root/.ssh/authorized_keys\nend\n", known="revoked ssh-rsa AAAA\nend 0\n"))
    assert not empty.present("authorized_keys").yes
    assert not empty.present("known_hosts").yes
    assert host(parts(known="authority ssh-rsa AAAA\nend 0\n")).present("known_hosts").yes


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("path 41c0 0 /root\n", "path 41fd 0 /root\n", "/root has mode 0775"),
        ("path 41c0 0 /root/.ssh\n", "path 41c2 0 /root/.ssh\n", "/root/.ssh has mode 0702"),
        ("8180 0", "8190 0", "/root/.ssh/authorized_keys has mode 0620"),
        ("8180 0", "8180 1000", "belongs to user 1000"),
        ("8180 0", "41c0 0", "/root/.ssh/authorized_keys is no file"),
    ],
)
def test_a_file_that_others_can_write_is_not_safe(old: str, new: str, said: str) -> None:
    changed = parts().replace(old.encode(), new.encode())
    assert changed != parts()
    answer = host(changed).safe
    assert not answer.yes
    assert said in answer.seen


def test_of_a_link_nothing_is_said() -> None:
    linked = parts().replace(b"missing", b"link /root/.ssh/authorized_keys\nmissing")
    with pytest.raises(NotEvaluable, match="is a link"):
        _ = host(linked).safe


def sshd_reading(files: str) -> bytes:
    return SSHD.replace(b"authorizedkeysfile .ssh/authorized_keys .ssh/authorized_keys2", files.encode())


def test_only_files_that_sshd_reads_count() -> None:
    ready = host(parts(), sshd=sshd_reading("authorizedkeysfile %h/.ssh/authorized_keys2"))
    assert not ready.present("authorized_keys").yes
    assert ready.trust.lets_in == frozenset()
    assert host(parts(), sshd=sshd_reading("authorizedkeysfile /root/.ssh/authorized_keys")).safe.yes
    assert not host(parts(), sshd=sshd_reading("authorizedkeysfile none")).present("authorized_keys").yes
    with pytest.raises(NotEvaluable, match="/etc/ssh/keys/%u, which is not looked at"):
        _ = host(parts(), sshd=sshd_reading("authorizedkeysfile /etc/ssh/keys/%u")).safe


def test_only_root_can_look() -> None:
    with pytest.raises(NotEvaluable, match="only root"):
        parse_ssh(ProbeOutput("ssh", parts(ssh="reader other\nend 0\n"), b"", 0))


def test_what_a_source_cannot_know_is_said() -> None:
    before, _, after = parts().decode().partition(printed("known", "known ssh-ed25519 AAAAhost\nend 0\n"))
    text = before + unknowable("known", "an archive without known_hosts") + after
    with pytest.raises(NotEvaluable, match="an archive"):
        parse_ssh(ProbeOutput("ssh", text.encode(), b"", 0))


@pytest.mark.parametrize(
    "changed",
    [
        {"ssh": "reader root\nend 0\n"},
        {"ssh": "reader root\nend 1\n"},
        {"ssh": "reader root\npath 41c0 0 root\nend 0\n"},
        {"keys": "key 127 /root/.ssh/id_rsa\n sh: ssh-keygen: not found\nend\n"},
        {"keys": "key 0 /root/.ssh/id_rsa\n \nend\n"},
        {"keys": "key 0 /root/.ssh/id_rsa\nend\n"},
        {"keys": "key 0 id_rsa\n ssh-rsa AAAA\nend\n"},
        {"keys": "end\nend\n"},
        {"keys": ""},
        {"authorized": "plain ssh-rsa AAAA\nend\n"},
        {"authorized": "file /root/.ssh/authorized_keys\nunread\nend\n"},
        {"authorized": "file /root/.ssh/authorized_keys\nplain ssh-rsa AAAA\n"},
        {"known": "known ssh-rsa BBBB\nend 0\n"},
        {"known": "sed: /root/.ssh/known_hosts: Permission denied\nend 2\n"},
        {"host_keys": "host \nend\n"},
        {"host_keys": "known ssh-rsa AAAA\nend\n"},
    ],
)
def test_what_the_probe_never_prints_is_refused(changed: dict[str, str]) -> None:
    with pytest.raises(ParseError):
        parse_ssh(ProbeOutput("ssh", parts(**changed), b"", 0))


def trust(name: str, **changed: Any) -> Trust:
    """A host that goes with key ONE, lets ONE in, and has and knows the host key TWO; or another."""
    one, two, none = frozenset({ONE}), frozenset({TWO}), frozenset[PublicKey]()
    return dataclasses.replace(Trust(name, one, one, none, two, none, two), **changed)


def test_hosts_that_know_each_other() -> None:
    assert trust("a").reaches([trust("b"), trust("c")]).yes


@pytest.mark.parametrize(
    ("me", "other", "said"),
    [
        ({"keys": frozenset()}, {}, "no private key opens by itself"),
        ({"keys": frozenset({THREE})}, {}, "b has no key of it in root's authorized_keys"),
        ({}, {"lets_in": frozenset(), "limits": frozenset({ONE})}, "b lets its key in only for some commands"),
        ({"known": frozenset({THREE})}, {}, "the host key of b (ssh-ed25519) is not among its known_hosts"),
        ({"revoked": frozenset({TWO})}, {}, "the ssh-ed25519 host key of b is revoked"),
    ],
)
def test_hosts_that_do_not(me: dict[str, Any], other: dict[str, Any], said: str) -> None:
    answer = trust("a", **me).reaches([trust("c"), trust("b", **other)])
    assert not answer.yes
    assert said in answer.seen


def test_a_host_without_host_keys_cannot_be_compared() -> None:
    with pytest.raises(NotEvaluable, match="b has no /etc/ssh"):
        trust("a").reaches([trust("b", host_keys=frozenset())])


@given(st.sets(st.integers(0, 5)), st.sets(st.integers(0, 5)), st.sets(st.integers(0, 5)), st.sets(st.integers(0, 5)))
def test_a_host_is_reached_where_both_sides_share_a_key(
    keys: set[int], lets_in: set[int], known: set[int], host_keys: set[int]
) -> None:
    def made(numbers: set[int]) -> frozenset[PublicKey]:
        return frozenset(PublicKey("ssh-ed25519", f"AAAA{number}") for number in numbers)

    me = trust("a", keys=made(keys), known=made(known))
    other = trust("b", lets_in=made(lets_in), host_keys=made(host_keys | {9}))
    assert me.reaches([other]).yes == bool(keys & lets_in and known & host_keys)


@pytest.fixture(params=["dash", "bash", "busybox"])
def in_home(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Path], str]:
    """Runs the probe in a shell, with a folder of the test in place of root's home."""

    def run(home: Path) -> str:
        script = (
            ssh_probe(PROFILE)
            .script.replace("~root", shlex.quote(str(home)))
            .replace("/etc/ssh", str(tmp_path / "etc"))
        )
        words = ["busybox", "sh"] if request.param == "busybox" else [request.param]
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
        done = subprocess.run([*words, "-c", script], capture_output=True, text=True, check=True, env=environment)
        assert done.stderr == ""
        return done.stdout

    return run


def test_the_probe_reads_what_is_there(in_home: Callable[[Path], str], tmp_path: Path) -> None:
    home = tmp_path / "it's home"
    (home / ".ssh").mkdir(parents=True)
    (tmp_path / "etc").mkdir()
    for path in (home / ".ssh/id_ed25519", home / "a key", tmp_path / "etc/ssh_host_x_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path, "-C", "secret"], check=True)
    public = {path.name: " ".join(path.read_text().split()[:2]) for path in (*home.glob("**/*.pub"),)}
    (home / ".ssh/config").write_text('Host *\n  IdentityFile "~/a key"\nIdentityFile=/nowhere\nIdentityFile none')
    (home / ".ssh/authorized_keys").write_text(
        f'{public["a key.pub"]} secret\n\tCommand="secret"\t{public["id_ed25519.pub"]}\n#{public["a key.pub"]}\nx\n'
    )
    (home / ".ssh/known_hosts").write_text(f"secret,[::1]:22 {public['a key.pub']} secret\n\n")

    text = in_home(home)

    assert "secret" not in text
    assert f"key 0 {home}/a key\n {public['a key.pub']}\nend\n" in text
    assert f"key 0 {home}/.ssh/id_ed25519\n {public['id_ed25519.pub']}\n" in text
    assert f"\nplain {public['a key.pub']}\nlimited {public['id_ed25519.pub']}\nend\n" in text
    assert f"@@known\nknown {public['a key.pub']}\nend 0\n" in text
    assert "@@host-keys\nhost ssh-ed25519 AAAA" in text


def test_the_probe_of_a_home_without_ssh(in_home: Callable[[Path], str], tmp_path: Path) -> None:
    text = in_home(tmp_path / "nobody")
    assert text.count("missing ") == 4
    assert text.count("\nend") == 5
