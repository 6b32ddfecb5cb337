"""Remains of xend after an upgrade: managed domains, and guests' configurations that are S-expressions."""

from collections.abc import Mapping
from dataclasses import dataclass

from xenproof.errors import NotEvaluable, ParseError
from xenproof.facts.libvirt import LIBVIRT
from xenproof.probing.answer import Answer
from xenproof.probing.family import Family
from xenproof.probing.sections import framed, section
from xenproof.probing.sxp import child, parse_sxp
from xenproof.profile.profile import Profile
from xenproof.source.probe import Probe, ProbeOutput, Recording

MANAGED = "/var/lib/xend/domains"
_DOM0 = "Domain-0"

# Reads the beginning of each file with builtins; large files are not configurations.  xend-config.sxp is skipped.
_CONFIGS = r"""if [ -O /proc/1 ]; then echo 'reader root'; else echo 'reader other'; fi
set --
for d in /etc/xen /etc/xen/vm /etc/xen/auto; do [ ! -d "$d" ] || set -- "$@" "$d"; done
c=0 s=
[ $# -eq 0 ] || { s=$(find -L "$@" -maxdepth 1 -type f -size -256k); c=$?; }
IFS='
'
set -f
for f in $s; do
case $f in */xend-config.sxp) continue ;; esac
w=
while [ ${#w} -lt 8 ] && { IFS=' 	' read -r l || [ -n "$l" ]; }; do
case $l in '#'*) ;; *) w=$w$l ;; esac
done <"$f" || c="0, but $f cannot be read"
case $w in '(vm'* | '(domain'* | '( vm'* | '( domain'*) printf 'sxp %s\n' "$f" ;; esac
done
set +f
unset IFS
printf 'end %s\n' "$c" """

_MANAGED = rf"""set --
for f in {MANAGED}/*/config.sxp; do
[ -f "$f" ] || continue
printf 'domain %s\n' "$f"
set -- "$@" "$f"
done
[ $# -eq 0 ] || grep -a -H '' "$@" </dev/null
printf 'end %s\n' "$?" """


@dataclass(frozen=True, slots=True)
class XendFiles:
    """The configurations in SXP form, and the name of each managed domain by its file."""

    configs: tuple[str, ...]
    managed: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class XendLeftovers:
    """The remains of xend, and which of them libvirt has."""

    recording: Recording
    profile: Profile

    @property
    def imported(self) -> Answer:
        """Whether libvirt lists each managed domain; raises NotEvaluable if there is one and virsh gives no answer."""
        managed = sorted(set(self._left_over.managed.values()) - {_DOM0})
        if not managed:
            return Answer(True, "nothing is left over")
        known = {name for _, name in LIBVIRT.of(self.recording, self.profile).listed}
        if missing := [name for name in managed if name not in known]:
            return Answer(False, f"libvirt does not know {', '.join(missing)}")
        return Answer(True, f"libvirt knows {', '.join(managed)}")

    @property
    def configs(self) -> tuple[str, ...]:
        """The files below /etc/xen that describe a guest with S-expressions."""
        return self._left_over.configs

    @property
    def _left_over(self) -> XendFiles:
        return LEFTOVERS.of(self.recording, self.profile)


def leftovers_probe(profile: Profile) -> Probe:  # noqa: ARG001  # every probe is made from a profile
    """Guests' configurations that begin as S-expressions, and the text of xend's managed domains."""
    return Probe("leftovers", framed("leftovers", _CONFIGS) + framed("managed", _MANAGED), beside=True)


def parse_leftovers(output: ProbeOutput) -> XendFiles:
    """The remains; raises ParseError if a managed domain has no name, NotEvaluable unless root reads them."""
    first, *lines = _lines(output, "leftovers") or [""]
    if first not in ("reader root", "reader other"):
        raise ParseError(f"expected who reads, found {first[:200]!r}")
    if first != "reader root":
        raise NotEvaluable(f"only root can see all of {MANAGED} and /etc/xen; log in as root")
    if strange := next((line for line in lines if not line.startswith("sxp /")), None):
        raise ParseError(f"expected a configuration in SXP form, found {strange[:200]!r}")
    return XendFiles(tuple(line.removeprefix("sxp ") for line in lines), _managed(_lines(output, "managed")))


def _managed(lines: list[str]) -> dict[str, str]:
    paths = [line.removeprefix("domain ") for line in lines if line.startswith("domain /")]
    texts: dict[str, list[str]] = {path: [] for path in paths}
    for line in lines[len(paths) :]:
        path = next((path for path in texts if line.startswith(f"{path}:")), None)
        if path is None:
            raise ParseError(f"expected a line of a managed domain, found {line[:200]!r}")
        texts[path].append(line[len(path) + 1 :])
    return {path: _name(path, "\n".join(text)) for path, text in texts.items()}


def _name(path: str, text: str) -> str:
    try:
        expressions = parse_sxp(text)
    except ParseError as error:
        raise ParseError(f"{path}: {error}") from error
    name = child(expressions[0], "name") if len(expressions) == 1 else None
    if name is None or len(name) != 1 or not isinstance(name[0], str) or not name[0]:
        raise ParseError(f"expected one domain with a name in {path}, found {text[:80]!r}")
    return name[0]


def _lines(output: ProbeOutput, name: str) -> list[str]:
    """The lines before the last one, which marks that the part is complete."""
    *lines, last = section(output, name).ended_with(0).lines or [""]
    if last != "end 0":
        raise ParseError(f"{name!r} was not read to its end; the last it says is {last[:200]!r}")
    return lines


LEFTOVERS = Family("leftovers", leftovers_probe, parse_leftovers)
