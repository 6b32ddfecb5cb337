"""`python -m selftest.transcripts RELEASE`: keep anew what a lab host prints, in selftest/data.

selftest/data/RELEASE gets the raw output of each probe, selftest/data/corpus/RELEASE that of the commands
of commands.py while a guest runs that grub.xen has started.  Nothing is edited.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from selftest.mutants.recorded import DATA
from selftest.transcripts.commands import HEADER, INDEX, take, told_with_guest, told_with_libvirt
from xenproof.facts.families import probes
from xenproof.guest.boot_progress import READY
from xenproof.guest.description import GuestDescription
from xenproof.guest.guest import Guest
from xenproof.guest.host.host import GuestHost
from xenproof.guest.host.run_identity import RunIdentity
from xenproof.lab import host as lab
from xenproof.lab.accel import choose
from xenproof.lab.guest_images import ensure_guest_image
from xenproof.lab.image import ensure_image
from xenproof.lab.recipe import load_recipe
from xenproof.profile.load import load_profile
from xenproof.profile.profile import Profile
from xenproof.run.progress import Progress
from xenproof.source.connection import Connection, quoted
from xenproof.source.gather import gather
from xenproof.xen.backend import DiskBackend
from xenproof.xlcfg.config import Start

BOOT_LIMIT_S = 600.0
GUEST = "debian12"
_VERSIONS = """
xl info | sed -n 's/^xen_version *: //p'
uname -r
virsh -c xen:///system version | sed -n 's/^Using library: libvirt //p'
"""
_PROBED = """\
# Where these files come from

Each file is what one probe printed on a running {host},
on {day}, with the profile `{release}`. Nothing was edited.

`.venv/bin/python -m selftest.transcripts {release} --only probes` takes them anew.
"""
_TOLD = """\
# Where these files come from

Each `.out` is what one command printed to its standard output on a running {host},
on {day}, and the `.err` of the same name what it printed to its standard error, where that was anything; `index.tsv`
has the commands and their exit statuses. Nothing was edited.

A PV guest that grub.xen had started ran meanwhile, `{guest}`, from a configuration that is kept here as
`guest.cfg`. The files whose names end in `_defined` were taken after it had ended and libvirt had been told of the same
configuration.

`.venv/bin/python -m selftest.transcripts {release} --only commands` takes them anew.
"""


def described(dom0: Connection, title: str) -> str:
    """The host in words, with the versions that run on it."""
    xen, kernel, libvirt = dom0.run(_VERSIONS, limit_s=60).check().text.split()
    name = title.partition(" (")[0]
    return f"{name} dom0\n(Xen {xen}, kernel {kernel}, libvirt {libvirt}), an emulated machine with 2 CPUs and 3 GiB"


def fresh(folder: Path) -> Path:
    """The folder, empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def keep_probes(dom0: Connection, profile: Profile, folder: Path) -> None:
    """What the profile's probes print; raises SourceError where one did not end well."""
    wanted = probes(profile)
    recording = gather(dom0, wanted, {})
    for probe in wanted:
        (folder / f"{probe.name}.txt").write_bytes(recording.output(probe).stdout)


def keep_told(dom0: Connection, guest: Guest, folder: Path) -> None:
    """What the commands print while the guest runs, and after it has ended."""
    (folder / INDEX).write_text(HEADER, "utf-8")
    guest.define()
    # A network device, too: the suite's own guests have none.
    text = guest.config.text().replace("vif = [ ]", 'vif = [ "bridge=xenbr0, mac=00:16:3e:00:00:01" ]')
    dom0.run(f"cat >{quoted(guest.config_path)}", stdin=text.encode()).check()
    (folder / "guest.cfg").write_text(text, "utf-8")
    try:
        if (boot := guest.boot(BOOT_LIMIT_S)).reached != READY:
            raise SystemExit(f"the guest did not boot: {boot.reached}\n{guest.console.text[-2000:]}")
        take(dom0, told_with_guest(guest.name, guest.config_path), folder)
        guest.shut_down(120.0)
        xml = quoted(f"{guest.host.folder.path}/domain.xml")
        native = f"virsh domxml-from-native xen-xl {quoted(guest.config_path)} >{xml} && virsh define {xml}"
        dom0.run(native, limit_s=120).check()
        take(dom0, told_with_libvirt(guest.name), folder)
        dom0.run(f"virsh undefine {quoted(guest.name)}; rm -f {xml}", limit_s=60).check()
    finally:
        guest.remove()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 0 if all was taken."""
    parser = argparse.ArgumentParser(prog="python -m selftest.transcripts", description=__doc__)
    parser.add_argument("release", help="the lab host and its profile, such as debian12")
    parser.add_argument("--only", choices=("probes", "commands"), help="one of the two folders only")
    given = parser.parse_args(arguments)
    profile = load_profile(given.release)
    host = lab.up(given.release, Progress())
    try:
        with closing(host.connect()) as dom0, tempfile.TemporaryDirectory(prefix="xenproof-transcripts-") as scratch:
            about = {
                "release": given.release,
                "host": described(dom0, profile.title),
                "day": datetime.now(UTC).date().isoformat(),
            }
            if given.only != "commands":
                folder = fresh(DATA / given.release)
                keep_probes(dom0, profile, folder)
                (folder / "ORIGIN.md").write_text(_PROBED.format(**about), "utf-8")
            if given.only != "probes":
                folder = fresh(DATA / "corpus" / given.release)
                kernel = profile.get("guest", "grub_xen", "path")
                if kernel is None:
                    raise SystemExit(f"profile {profile.name} does not say where grub.xen is: give guest.grub_xen.path")
                on_host = GuestHost(dom0, RunIdentity.of(Path(scratch)))
                on_host.enter()
                try:
                    # The guest that the suite runs everywhere, whatever the host's own kernel is.
                    image = ensure_guest_image(ensure_image(load_recipe(GUEST), choose(), Progress()))
                    guest = Guest(on_host, GuestDescription(image, DiskBackend.BLKBACK, Start(kernel.text)))
                    keep_told(dom0, guest, folder)
                finally:
                    on_host.leave()
                words = {**about, "guest": guest.name, "config": guest.config_path}
                (folder / "ORIGIN.md").write_text(_TOLD.format(**words), "utf-8")
    finally:
        host.down()
    sys.stdout.write(f"kept what {host.url} prints below {os.path.relpath(DATA)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
