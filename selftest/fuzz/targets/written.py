"""What people write: profiles, versions, configurations of guests, URLs, pinned keys, mirrors."""

import tempfile
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

from selftest.corpus import CORPUS
from selftest.fuzz.target import Choice, FuzzTarget, each, text_of
from selftest.images.root import PROFILE
from xenproof.lab.apt_sources import configured
from xenproof.lab.mirror_list import parse_mirror_list
from xenproof.lab.release_file import parse_release_file
from xenproof.lab.shown import shown
from xenproof.profile.load import load_profile, profiles_folder
from xenproof.profile.version import in_range, validate_range
from xenproof.source.address import parse_urls
from xenproof.source.host_keys import HostKeys
from xenproof.xlcfg.backend_rule import TargetKind, predict_backend
from xenproof.xlcfg.cfg_file import parse_cfg
from xenproof.xlcfg.disk_spec import parse_disk_spec
from xenproof.xlcfg.lint import lint
from xenproof.xlcfg.xl_series import load_series, series_names

_YAML = (
    *(b"families:\n", b"defaults:", b"extends: debian12\n", b"!remove", b"&a ", b"*a", b"<<: ", b"!!python/x ", b"!x "),
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b"- ",
        b": ",
        b"? ",
        b"|\n",
        b">-\n",
        b"---\n",
        b"...\n",
        b"%YAML 1.1\n",
        b"0x1f",
        b"0o7",
    ),
    *(b"2026-01-01", b".nan", b".inf", b"1e999", b"1:30", b"0b1_0", b"!!int ", b"!!float ", b"!!bool ", b"!!null "),
    *(
        b"!!timestamp ",
        b"!!binary ",
        b"!!set ",
        b'">=4.17, <4.18"',
        b"req: [S01]",
        b"status: documented",
        b"scheme: rpm",
    ),
)


def _profile(data: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="xenproof-fuzz-") as folder:
        path = Path(folder) / "small.yaml"
        path.write_bytes(data)
        load_profile(str(path))


@cache
def _profile_seeds() -> Sequence[bytes]:
    ours = [path.read_bytes() for path in sorted(profiles_folder().glob("*.yaml"))]
    return [PROFILE.encode(), *(text for text in ours if len(text) < 6000)]


def _yaml(body: str) -> bytes:
    return f"name: small\ntitle: x\nscheme: deb\n{body}".encode()


def _profile_known() -> dict[str, bytes]:
    aliases = "".join(f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 9)}]\n" for at in range(1, 10))
    return {
        "aliases that multiply": _yaml(f"a0: &a0 x\n{aliases}"),
        "lists within lists": _yaml("families: " + "[" * 3000),
        "maps within maps": _yaml("families: " + "{a: " * 3000),
        "a number of 100,000 digits": _yaml(f"families: {'9' * 100_000}\n"),
        "no number": _yaml("families:\n  files:\n    /x: {exists: !!int x}\n"),
        "a number of signs": _yaml("families:\n  files:\n    /x: {exists: !!int -_}\n"),
        "sixties of a number": _yaml("families:\n  files:\n    /x: {exists: !!int 1:30}\n"),
    }


def _version(data: bytes) -> None:
    version, _, range_ = text_of(data).partition("\n")
    each(
        lambda: in_range(version, range_, "deb"),
        lambda: in_range(version, range_, "rpm"),
        lambda: validate_range(range_, "deb"),
        lambda: validate_range(range_, "rpm"),
    )


def _linted(data: bytes) -> None:
    text = text_of(data)
    for name in series_names():
        lint(text, load_series(name))
    for appends in (False, True):
        parse_cfg(text, appends=appends).last("disk")


def _disk(data: bytes) -> None:
    for name in series_names():
        series = load_series(name)
        spec = parse_disk_spec(text_of(data), series.disk)
        for kind in TargetKind:
            each(*(partial(predict_backend, spec, kind, series, hvm=hvm) for hvm in (False, True)))


def _keys(data: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="xenproof-fuzz-") as folder:
        path = Path(folder) / "known_hosts"
        path.write_bytes(data)
        keys = HostKeys.read(path)
    for host, port in (("xen1", 22), ("xen1", 2222), ("10.0.0.1", 22), ("::1", 22)):
        for key in keys.pinned(host, port):
            key.fingerprint.encode()


def _urls(data: bytes) -> None:
    for address in parse_urls(text_of(data)):
        str(address)


def _mirrors(data: bytes) -> None:
    text = text_of(data)
    each(
        lambda: configured(text), lambda: parse_mirror_list(text), lambda: shown(text), lambda: parse_release_file(text)
    )


@cache
def _configs() -> Sequence[bytes]:
    found = [path.read_bytes() for folder in CORPUS.iterdir() for path in sorted(folder.glob("*.cfg"))]
    long = (
        b'name = "g"\nmemory = 512\nvif = [ "bridge=br0", "" ]\ndisk = [\n  "phy:/dev/x,xvda,w",\n  # x\n]\na += [1]\n'
    )
    return [*found, long, b'x = 0x10\ny = [ [1, 2], \'a\' ]\nextra = """a\nb"""\n']


_SPECS = (
    *(
        b"vdev=",
        b"target=",
        b"format=",
        b"access=rw",
        b"backendtype=",
        b"devtype=cdrom",
        b"file:",
        b"phy:",
        b"tap:aio:",
    ),
    *(
        b"tap2:",
        b"raw",
        b"qcow2",
        b"vhd",
        b"xvda",
        b"hda",
        b"sda1",
        b"script=",
        b"backend=",
        b"discard",
        b"direct-io-safe",
    ),
)
_WRITTEN = Choice(
    {
        "version": _version,
        "configuration": _linted,
        "disk": _disk,
        "known hosts": _keys,
        "URLs": _urls,
        "mirrors": _mirrors,
    }
)
_BLOB = b"AAAAC3NzaC1lZDI1NTE5AAAAIGJsb2I="
_HOSTS = (
    b"# x\nxen1,10.0.0.1 ssh-ed25519 " + _BLOB + b" a comment\n@revoked *.example.org ssh-rsa " + _BLOB + b"\n"
    b"[xen1]:2222 ssh-rsa " + _BLOB + b"\n|1|c2FsdA==|AAAAAAAAAAAAAAAAAAAAAAAAAAA=| ssh-rsa " + _BLOB + b"\n"
    b"|1|c2FsdA==|AAAAAAAAAAAAAAAAAAAAAAAAAAA= ssh-rsa " + _BLOB + b"\n*,!xen1 ssh-rsa " + _BLOB + b"\n"
)
_MIRRORS = (
    b"sid|main|Packages|http://me:x@deb.example:80/debian/\nsid|main|Packages|cdrom://[Debian 13]/\n",
    b"# x\nhttps://deb.example/debian/\tpriority:2 arch:amd64 arch:all\nfile:/srv/debian\n",
    b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nOrigin: Debian\nSuite: unstable\nCodename: sid\n"
    b"Date: Sat, 10 Jun 2023 08:53:33 +0200\nValid-Until: Sat, 17 Jun 2023 08:53:33 UTC\nSHA256:\n a 1 b\n",
)


@cache
def _written_seeds() -> Sequence[bytes]:
    versions = [b"4.17.5+23-ga4e5191dc0-1\n>=4.17, <4.18", b"4.4.1_06-2.2\n=4.4.1, !=4.4.1_05-1", b"1:2~rc1-1\n>0, <=3"]
    urls = [
        b"ssh://root@xen1:2222,local://,image:///x/y.img",
        b"lab://debian12,supportconfig:///x.txz",
        b"ssh://[::1]:1",
    ]
    specs = [line.rpartition(b'["')[2].partition(b'"')[0] for config in _configs() for line in config.split(b"\n")]
    return [
        *(_WRITTEN.input("version", text) for text in versions),
        *(_WRITTEN.input("configuration", text) for text in _configs()),
        *(_WRITTEN.input("disk", text) for text in sorted({spec for spec in specs if b"," in spec})),
        _WRITTEN.input("known hosts", _HOSTS),
        *(_WRITTEN.input("URLs", text) for text in urls),
        *(_WRITTEN.input("mirrors", text) for text in _MIRRORS),
    ]


def _written_known() -> dict[str, bytes]:
    return {
        "a salt that is not ASCII": _WRITTEN.input("known hosts", "|1|²|² ssh-rsa ".encode() + _BLOB),
        "a key that is not ASCII": _WRITTEN.input("known hosts", "xen1 ssh-rsa ²".encode()),
        "many stars": _WRITTEN.input("known hosts", b"*x" * 4000 + b" ssh-rsa " + _BLOB),
        "lists within lists": _WRITTEN.input("configuration", b"a = " + b"[" * 10_000),
        "a number of 5,000 digits": _WRITTEN.input("configuration", b"memory = " + b"9" * 5000 + b"\n"),
        "a version of 5,000 digits": _WRITTEN.input("version", b"9" * 5000 + b"\n>=" + b"9" * 5000),
        "a port of 5,000 digits": _WRITTEN.input("URLs", b"ssh://x:" + b"9" * 5000),
        "a year of 20 digits": _WRITTEN.input("mirrors", b"Date: Mon, 1 Jan " + b"9" * 20 + b" 00:00:00 UTC\n"),
        "a zone of 20 digits": _WRITTEN.input("mirrors", b"Date: Mon, 1 Jan 2024 00:00:00 +" + b"9" * 20 + b"\n"),
        "the last day of a zone": _WRITTEN.input("mirrors", b"Date: Fri, 31 Dec 9999 23:59:59 -1200\n"),
        "users without an end": _WRITTEN.input("mirrors", b"//a:" * 4000),
        "a bracket that stays open": _WRITTEN.input("URLs", b"ssh://[::1"),
    }


TARGETS = (
    FuzzTarget("profile", _profile, _profile_seeds, _profile_known, words=_YAML, longest=1 << 14),
    FuzzTarget("written", _WRITTEN, _written_seeds, _written_known, words=_SPECS, longest=1 << 14),
)
