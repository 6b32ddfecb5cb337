"""What commands print of files and paths that nobody trusts: text, whatever is in it, and a status that is right."""

import subprocess
import sys
from pathlib import Path

import pytest

from selftest.lab.suite import REPOSITORY, clean_environment

CLIPBOARD = "\x1b]52;c;aGVsbG8=\x07"
# A clipboard, a window's title, a colour, a cleared screen, and the same in the codes of eight bits.
EVIL = f"x{CLIPBOARD}\x1b]0;title\x07\x1b[31m\x1b[2J\x9b2J\x9d52;c;eA==\x9c[/bold][red]"
HEAD = "name: x\nscheme: rpm\nfamilies:\n  packages:\n    defaults: {req: [S02], source: s, status: verified}\n"
PROFILES = {
    "tag": "!<tag:%1b%5d52;c;aGVsbG8%3d%07> x",
    "tag of a value": HEAD + "    xen:\n      installed: !<%1b[31m%9b> x\n",
    "key": f'"\\e]52;c;aGVsbG8=\\a": x\n{HEAD}',
    "name of a family": 'name: x\nfamilies:\n  "\\e[31m\\x9b2J": {}\n',
    "value": HEAD + '    xen: {installed: "\\e]52;c;aGVsbG8=\\a"}\n',
    "range": HEAD + '    xen: {version: ">= \\e]52;c;aGVsbG8=\\a"}\n',
    "parent": 'extends: "\\e]52;c;aGVsbG8=\\a.yaml"\n' + HEAD,
    "escapes as they are": HEAD + f"    xen: {{installed: {CLIPBOARD}}}\n",
    "title that is fine": 'title: "\\e]52;c;aGVsbG8=\\a\\x9b2J[/bold]"\n' + HEAD + "    xen: {installed: true}\n",
    "source that is fine": HEAD.replace("source: s", 'source: "\\e]52;c;eA=\\a[/x]"') + "    xen: {installed: true}\n",
}
CODES = ("\x1b", "\x07", "\x9b", "\x9c", "\x9d")


def ran(*words: str) -> tuple[int, bytes]:
    command = [sys.executable, "-m", *words]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=clean_environment(), capture_output=True, timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


def harmless(output: bytes) -> bool:
    text = output.decode("utf-8")  # which a raw byte above 0x7f is not
    return not any(code in text for code in CODES) and "Traceback" not in text


@pytest.mark.parametrize(
    ("command", "name"),
    [("validate", name) for name in PROFILES]
    + [("show", "title that is fine"), ("show", "source that is fine"), ("show", "tag")]
    + [("pytest", "tag"), ("pytest", "key"), ("pytest", "title that is fine")],
)
def test_no_profile_reaches_the_terminal_raw(command: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / "evil.yaml"
    path.write_text(PROFILES[name], "utf-8")
    if command == "pytest":
        status, output = ran(
            "pytest", "-cpytest.ini", f"--report={tmp_path}/report", f"--profile={path}",
            f"--hosts=recording://{tmp_path}/none.json", "tests/host/test_packages.py",
        )  # fmt: skip
        wanted = 6 if "fine" in name else 4
    else:
        status, output = ran("xenproof.cli", "profile", command, str(path))
        wanted = 0 if "fine" in name else 4
    assert status == wanted, output
    assert harmless(output), output
    assert output


@pytest.mark.parametrize("scheme", ["image", "recording", "supportconfig"])
@pytest.mark.parametrize("path", ["/x/[/y]", "/x/[red]y", f"/x/{EVIL}"])
def test_no_path_is_taken_for_markup_or_reaches_the_terminal_raw(scheme: str, path: str, tmp_path: Path) -> None:
    status, output = ran(
        "xenproof.cli", "record", f"--hosts={scheme}://{path}", "-o", f"{tmp_path}/x", "--profile=sles12"
    )
    assert status == 6, output
    assert harmless(output), output
    assert (path if path.isprintable() else "[/bold][red]").encode() in output


def test_no_configuration_of_a_guest_reaches_the_terminal_raw(tmp_path: Path) -> None:
    path = tmp_path / f"{EVIL.replace('/', '_')}.cfg"
    path.write_bytes(
        f'name = "{EVIL}"\n{CLIPBOARD}\nmemory = {EVIL}\ndisk = ["{EVIL},{EVIL}"]\n'.encode() + b"\xff\x1b[2J\n"
    )
    for option in ((), ("--json",)):
        status, output = ran("xenproof.cli", "lint", "--profile=sles12", *option, str(path))
        assert status == 1
        assert harmless(output), output


BROKEN = """
import sys
from xenproof import cli
@cli.app.command()
def broken():
    raise {error}
sys.argv = ["xenproof", "broken"]
cli.main()
"""


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (f"KeyError({EVIL!r})", 3, b"an error of xenproof itself (KeyError): please report it"),
        ("MemoryError()", 3, b"an error of xenproof itself (MemoryError)"),
        ("OSError(28, 'No space left on device', 'x')", 6, b"xenproof: No space left on device: x"),
        ("KeyboardInterrupt()", 130, b"xenproof: interrupted\n"),
    ],
)
def test_what_breaks_in_us_is_not_status_1(error: str, status: int, said: bytes) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BROKEN.format(error=error)], capture_output=True, timeout=60, check=False, cwd=REPOSITORY
    )
    assert done.returncode == status
    assert said in done.stderr
    assert not any(code in (done.stdout + done.stderr).decode("utf-8") for code in CODES)
