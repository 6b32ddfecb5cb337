"""Parses one disk specification as xl of a release does.

Source: xl-disk-configuration(5), and libxlu_disk_l.l of each release.  Each known specification was compared with a
real Xen 4.4.1 (selftest/data/corpus/xen-4.4.1/diskspec_index.txt), and with the xl of lab hosts.
"""

import re
from dataclasses import dataclass, field

from xenproof.errors import ParseError
from xenproof.xlcfg.xl_series import DiskWords

TARGET = "target="
# Prefixes of xm that xl ignores: they select neither format nor backend.
_DROPPED = ("tapdisk", "tap", "tap2", "aio", "ioemu", "file", "phy")
# Prefixes that stand for a format, and those that stand for a hotplug script.
_FORMATS = ("raw", "qcow", "qcow2", "vhd")
_SCRIPTS = ("iscsi", "nbd", "enbd", "drbd")
_ACCESS = {"r": False, "ro": False, "w": True, "rw": True, "": True}

# Such as "file:" before "/x.img", and "vmdk:" before anything that is no letter or digit.
_PREFIX = re.compile(r"([a-z][a-z0-9]*):")
_ALNUM = re.compile(r"[a-z0-9]")
# Such as "foo=b" of "foo=bar": xl's error about an unknown parameter quotes one letter of the value.
_UNKNOWN = re.compile(r"[a-z][-a-z0-9]*=[^,],?")


class DiskSpecError(ParseError):
    """xl refuses the specification; `message` is xl's error, without the location."""

    def __init__(self, message: str, near: str | None, spec: str) -> None:
        where = "" if near is None else f": near `{near}'"
        self.message = f"config parsing error in disk specification: {message}{where} in `{spec}'"
        super().__init__(self.message)


@dataclass(slots=True)
class DiskSpec:
    """The disk that xl reads; `backendtype` is "" where xl chooses it, `prefixes` are those of xm, such as "file"."""

    target: str | None = None
    format: str = ""
    vdev: str | None = None
    writable: bool = True
    cdrom: bool = False
    removable: bool = False
    backendtype: str = ""
    backend: str = ""
    script: str | None = None
    prefixes: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    other: dict[str, str] = field(default_factory=dict)


def parse_disk_spec(spec: str, words: DiskWords) -> DiskSpec:
    """The disk that a release of xl with these `words` reads in `spec`; raises DiskSpecError where xl refuses it."""
    return _Reader(spec, words).read()


class _Reader:
    """Reads a specification from left to right; the meaning of a positional parameter depends on what precedes it."""

    def __init__(self, spec: str, words: DiskWords) -> None:
        self._spec = spec
        self._words = words
        self._disk = DiskSpec()
        self._rest = spec
        self._access_given = False

    def read(self) -> DiskSpec:
        while self._rest:
            self._rest = self._rest.lstrip(" \t\n")
            if self._rest.startswith(TARGET):
                # The target extends to the end of the text, including commas and further parameters.
                self._set_target(self._rest.removeprefix(TARGET).removesuffix(","))
                break
            if not self._prefix() and self._rest:
                self._parameter()
        return self._completed()

    def _completed(self) -> DiskSpec:
        disk = self._disk
        disk.format = disk.format or "raw"
        if disk.cdrom:
            disk.removable, disk.writable = True, False
            if not disk.target:
                disk.format = "empty"
        if disk.vdev is None:
            raise self._error("no vdev specified")
        if disk.target is None and not disk.removable:
            raise self._error("no target specified (and device not removable)")
        return disk

    def _prefix(self) -> bool:
        """Take a prefix such as "file:" from the rest, if it begins with one."""
        if (match := _PREFIX.match(self._rest)) is None:
            return False
        name, after = match[1], self._rest[match.end() :]
        if name in _SCRIPTS:
            self._set_script(f"block-{name}")
        elif name in _FORMATS:
            self._set_format(name)
        elif name not in _DROPPED:
            if after and _ALNUM.match(after):
                return False  # no prefix but a word with a colon, such as "hdc:cdrom"
            raise self._error("unknown deprecated disk prefix", match[0])
        self._disk.prefixes.append(name)
        self._rest = after
        return True

    def _parameter(self) -> None:
        begins = self._rest
        word, _, self._rest = begins.partition(",")
        key, equals, value = word.partition("=")
        if not equals:
            self._flag_or_positional(word)
        elif key in self._words.keys:
            self._keyed(key, value, begins[: len(word) + 1])
        elif (match := _UNKNOWN.match(begins)) is not None:
            raise self._error("unknown parameter", match[0])
        else:
            # xl reads the word before the "=" first, and then fails at the "=": no token begins with it.
            if key:
                self._flag_or_positional(key)
            raise self._error("bad disk syntax", begins[len(key) :])

    def _keyed(self, key: str, value: str, word: str) -> None:
        disk = self._disk
        match key:
            case "format":
                self._set_format(value)
            case "vdev":
                self._set_vdev(value)
            case "access":
                self._set_access(value)
            case "script":
                self._set_script(value)
            case "backend":
                disk.backend = self._once("backend", disk.backend, value)
            case "backendtype":
                if value not in self._words.backendtypes:
                    raise self._error("unknown value for backendtype", value)
                if disk.backendtype not in ("", value):
                    raise self._error("backend respecified", value)
                disk.backendtype = value
            case "devtype":
                if value not in ("cdrom", "disk"):
                    raise self._error("unknown value for type", word)
                disk.cdrom = value == "cdrom"
            case _:
                disk.other[key] = value

    def _flag_or_positional(self, word: str) -> None:
        disk = self._disk
        if word in self._words.flags:
            disk.cdrom = disk.cdrom or word == "cdrom"
            disk.flags.append(word)
        elif disk.target is None:
            disk.target = word
        elif not disk.prefixes and not disk.format:
            # An empty target and then "hdc:cdrom": an empty drive.
            if disk.target or not self._vdev_and_type(word):
                self._set_format(word)
            else:
                disk.format = "empty"
        elif disk.vdev is None:
            if not self._vdev_and_type(word):
                self._set_vdev(word)
        elif not self._access_given:
            self._access_given = True
            self._set_access(word)
        else:
            raise self._error("too many positional parameters", word)

    def _vdev_and_type(self, word: str) -> bool:
        """Take a word such as "hdc:cdrom"; False where it has no colon."""
        vdev, colon, kind = word.rpartition(":")
        if not colon:
            return False
        self._set_vdev(vdev)
        if kind not in ("cdrom", "disk"):
            raise self._error("unknown deprecated type", kind)
        self._disk.cdrom = kind == "cdrom"
        return True

    def _set_format(self, value: str) -> None:
        name = value or "raw"
        if name not in self._words.formats:
            raise self._error("unknown value for format", value)
        if self._disk.format not in ("", name):
            raise self._error("format respecified", value)
        self._disk.format = name

    def _set_access(self, value: str) -> None:
        if value not in _ACCESS:
            raise self._error("unknown value for access", value)
        self._disk.writable = _ACCESS[value]

    def _set_target(self, value: str) -> None:
        self._disk.target = self._once("target", self._disk.target or "", value)

    def _set_vdev(self, value: str) -> None:
        self._disk.vdev = self._once("vdev", self._disk.vdev or "", value)

    def _set_script(self, value: str) -> None:
        self._disk.script = self._once("script", self._disk.script or "", value)

    def _once(self, name: str, old: str, new: str) -> str:
        # A parameter that is still empty may be given again.
        if old:
            raise self._error(f"{name} respecified", new)
        return new

    def _error(self, message: str, near: str | None = None) -> DiskSpecError:
        return DiskSpecError(message, near, self._spec)
