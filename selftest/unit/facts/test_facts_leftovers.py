"""What xend left over: managed domains against libvirt's, and guests described by S-expressions."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selftest.unit.facts.test_facts_values import PROFILE, recording
from xenproof.errors import NotEvaluable, ParseError
from xenproof.facts.leftovers import MANAGED, XendFiles, XendLeftovers, leftovers_probe, parse_leftovers
from xenproof.probing.answer import Answer
from xenproof.probing.sections import printed
from xenproof.source.probe import ProbeOutput, Recording
from xenproof.source.redact import redacted

CONFIG = (Path(__file__).parents[2] / "data" / "xend" / "config.sxp").read_text("utf-8")


def output(managed: str = "end 0\n", configs: str = "reader root\nend 0\n") -> ProbeOutput:
    return ProbeOutput("leftovers", (printed("leftovers", configs) + printed("managed", managed)).encode(), b"", 0)


def managed(**texts: str) -> str:
    """What the probe prints of managed domains, each with the text of its file."""
    paths = {f"{MANAGED}/{name}/config.sxp": text for name, text in texts.items()}
    rows = [f"domain {path}\n" for path in paths]
    rows += [f"{path}:{line}\n" for path, text in paths.items() for line in text.splitlines()]
    return "".join(rows) + "end 0\n"


def host(found: ProbeOutput, virsh: tuple[str, str] = ("", "")) -> Recording:
    good = recording(lambda text: text.replace(*virsh) if "@@virsh" in text else text)
    return Recording(good.host, good.taken, {**good.outputs, "leftovers": found})


def test_a_host_that_never_had_xend() -> None:
    left = XendLeftovers(recording(), PROFILE)
    assert left.imported == Answer(True, "nothing is left over")
    assert left.configs == ()


def test_domains_that_libvirt_does_not_know_are_named() -> None:
    found = output(managed(a=CONFIG, b="(domain (name other))", c="(domain (domid 0) (name Domain-0))"))
    answer = XendLeftovers(host(found), PROFILE).imported
    assert answer == Answer(False, "libvirt does not know other, sles11-web")


def test_domains_that_libvirt_knows_are_imported() -> None:
    found = output(managed(a=CONFIG))
    listed = " 0    Domain-0   running\n", " 0    Domain-0   running\n -    sles11-web   shut off\n"
    assert XendLeftovers(host(found, listed), PROFILE).imported == Answer(True, "libvirt knows sles11-web")


def test_without_libvirt_nothing_is_said_of_domains() -> None:
    broken = ProbeOutput("libvirt", printed("virsh", "error: failed to connect\n", 1).encode(), b"", 0)
    mute = host(output(managed(a=CONFIG)))
    with pytest.raises(NotEvaluable, match="failed to connect"):
        _ = XendLeftovers(Recording("x", "", {**mute.outputs, "libvirt": broken}), PROFILE).imported
    bare = host(output())
    assert XendLeftovers(Recording("x", "", {**bare.outputs, "libvirt": broken}), PROFILE).imported.yes


def test_configurations_in_sxp_form_are_named() -> None:
    found = parse_leftovers(output(configs="reader root\nsxp /etc/xen/vm/a b.sxp\nend 0\n"))
    assert found == XendFiles(("/etc/xen/vm/a b.sxp",), {})


def test_only_root_can_look() -> None:
    with pytest.raises(NotEvaluable, match="only root"):
        parse_leftovers(output(configs="reader other\nend 0\n"))


@pytest.mark.parametrize(
    "found",
    [
        output(configs="end 0\n"),
        output(configs="reader root\nend 1\n"),
        output(configs="reader root\nsxp relative\nend 0\n"),
        output(configs="reader root\nfind: /etc/xen: Permission denied\nend 0\n"),
        output("end 2\n"),
        output(""),
        output(f"{MANAGED}/a/config.sxp:(domain (name a))\nend 0\n"),
        output(managed(a="")),
        output(managed(a="(domain (domid 1))")),
        output(managed(a="(domain (name ''))")),
        output(managed(a="(domain (name (a b)))")),
        output(managed(a="(domain (name a b))")),
        output(managed(a="(domain (name a)) (domain (name b))")),
        output(managed(a="(domain (name a)")),
        output(managed(a="name")),
    ],
)
def test_what_the_probe_never_prints_is_refused(found: ProbeOutput) -> None:
    with pytest.raises(ParseError):
        parse_leftovers(found)


@given(st.dictionaries(st.from_regex("[0-9a-f]{1,8}", fullmatch=True), st.from_regex(r"[\w.-]{1,20}", fullmatch=True)))
def test_each_managed_domain_is_found_by_its_own_name(names: dict[str, str]) -> None:
    texts = {
        uuid: f"(domain\n (domid 1)\n (device (vif (name eth0)))\n (name '{name}'))" for uuid, name in names.items()
    }
    found = parse_leftovers(output(managed(**texts)))
    assert found.managed == {f"{MANAGED}/{uuid}/config.sxp": name for uuid, name in names.items()}


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
def test_the_probe_reads_what_is_there(shell: str, tmp_path: Path) -> None:
    etc, left = tmp_path / "etc", tmp_path / "domains"
    for folder in (etc / "vm", etc / "auto", etc / "scripts", left / "0a1b", left / "empty"):
        folder.mkdir(parents=True)
    files = {
        "xend-config.sxp": "(domain 1)",
        "xl.conf": "# (vm)\n\n\tautoballoon='off'\n",
        "vm/old name": "# sxp\n\n \t (vm\n (name a))",
        "vm/old2": "(\n domain (name b))",
        "vm/old3": "(domain (name b))",
        "vm/short": "(vm)",
        "vm/new": "name = '(vm'\n",
        "vm/tuple": "(a, b) = (1, 2)\n",
        "vm/empty": "",
        "vm/large": "(vm (name a))" + " " * (1 << 20),
        "scripts/deep": "(vm (name a))",
    }
    for name, text in files.items():
        (etc / name).write_text(text)
    (etc / "auto/linked").symlink_to(etc / "vm/old3")
    (etc / "auto/dangling").symlink_to(etc / "vm/nothing")
    (left / "0a1b/config.sxp").write_text(CONFIG)
    script = leftovers_probe(PROFILE).script.replace("/etc/xen", str(etc)).replace(MANAGED, str(left))
    words = ["busybox", "sh"] if shell == "busybox" else [shell]
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}

    done = subprocess.run([*words, "-c", script], capture_output=True, check=True, env=environment)

    assert done.stderr == b""
    clean = redacted(done.stdout)[0]
    assert b"sesame" not in clean
    text = clean.decode().replace("reader other", "reader root")
    found = parse_leftovers(ProbeOutput("leftovers", text.encode(), b"", 0))
    names = {path.removeprefix(f"{etc}/") for path in found.configs}
    assert names == {"vm/old name", "vm/old2", "vm/old3", "vm/short", "auto/linked"}
    assert found.managed == {f"{left}/0a1b/config.sxp": "sles11-web"}


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
def test_the_probe_of_a_host_without_any(shell: str, tmp_path: Path) -> None:
    script = leftovers_probe(PROFILE).script.replace("/etc/xen", str(tmp_path / "a")).replace(MANAGED, str(tmp_path))
    words = ["busybox", "sh"] if shell == "busybox" else [shell]
    done = subprocess.run([*words, "-c", script], capture_output=True, check=True, env={"PATH": os.environ["PATH"]})
    assert (done.stderr, done.stdout.count(b"\nend 0\n")) == (b"", 2)


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
def test_a_name_with_an_end_of_a_line_hides_no_configuration(shell: str, tmp_path: Path) -> None:
    (tmp_path / "vm").mkdir()
    (tmp_path / "vm/a\nb").write_text("(vm (name a))")
    script = leftovers_probe(PROFILE).script.replace("/etc/xen", str(tmp_path))
    words = ["busybox", "sh"] if shell == "busybox" else [shell]
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    done = subprocess.run([*words, "-c", script], capture_output=True, env=environment, check=True, timeout=60)
    with pytest.raises(ParseError, match=r"not read to its end; .*cannot be read"):
        parse_leftovers(ProbeOutput("leftovers", done.stdout, done.stderr, 0))
