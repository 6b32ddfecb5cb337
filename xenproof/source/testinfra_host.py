"""testinfra's Host with its wrong answers put right; docs/decisions/0013 shows each of them.

Where testinfra cannot tell, a CommandFailed is raised: an error, never an answer.
"""

from typing import Any

from testinfra.host import Host
from testinfra.modules.base import Module
from testinfra.modules.package import Package, RpmPackage
from testinfra.modules.service import Service, SystemdService

from xenproof.errors import CommandFailed


class CorrectedHost(Host):  # type: ignore[misc]  # testinfra carries no types
    """A host as users know it from testinfra."""

    def run_expect(self, expected: list[int], command: str, *args: str, **kwargs: Any) -> Any:
        """Run a command; raises CommandFailed if it ends with an exit code that is not expected.

        testinfra raises AssertionError, which would be held against the host that is examined.
        """
        done = self.run(command, *args, **kwargs)
        if done.rc not in expected:
            raise CommandFailed(
                f"{done.command.decode()!r} ended with exit code {done.rc}, expected one of {expected}; "
                f"it said: {(done.stderr or done.stdout).strip()[-500:]!r}"
            )
        return done

    def check_output(self, command: str, *args: str, **kwargs: Any) -> str:
        """What a command prints, without the end of its last line; raises CommandFailed unless it ends with 0."""
        return str(self.run_expect([0], command, *args, **kwargs).stdout).rstrip("\r\n")

    def __getattr__(self, name: str) -> Any:
        if name not in _CORRECTED:
            return super().__getattr__(name)
        found = _CORRECTED[name].get_module(self)
        setattr(self, name, found)
        return found


class _Package(Package):  # type: ignore[misc]  # testinfra carries no types
    @classmethod
    def get_module_class(cls, host: CorrectedHost) -> type[Module]:
        # testinfra knows `sles` not, and asks dpkg wherever that is on the PATH.  What rpm itself
        # was installed by is what the host is made of: on Debian rpm knows no package of that name.
        if host.run("rpm -q rpm").rc == 0:
            return _RpmPackage
        return super().get_module_class(host)  # type: ignore[no-any-return]  # testinfra carries no types


class _RpmPackage(RpmPackage):  # type: ignore[misc]  # testinfra carries no types
    @property
    def version(self) -> str:
        return self._only("VERSION")

    @property
    def release(self) -> str:
        return self._only("RELEASE")

    def _only(self, tag: str) -> str:
        # Several kernels are installed side by side, and testinfra glues their versions together.
        found = str(self.check_output(f"rpm -q --queryformat '%%{{{tag}}}\\n' %s", self.name)).split("\n")
        if len(set(found)) != 1:
            raise CommandFailed(
                f"{self.name} is installed {len(found)} times, with {tag.lower()} {', '.join(found)}, "
                "so it has no one; name it with its version, as rpm does"
            )
        return found[0]


class _Service(Service):  # type: ignore[misc]  # testinfra carries no types
    @classmethod
    def get_module_class(cls, host: CorrectedHost) -> type[Module]:
        found: type[Module] = super().get_module_class(host)
        return _SystemdService if found is SystemdService else found


class _SystemdService(SystemdService):  # type: ignore[misc]  # testinfra carries no types
    @property
    def exists(self) -> bool:
        # testinfra takes the name for the beginning of a pattern: xend exists because of
        # xendomains.service; and a systemctl that fails for one that finds nothing.
        unit = self.name if self._has_systemd_suffix() else f"{self.name}.service"
        listed = self.check_output("systemctl list-unit-files --full --no-legend --no-pager")
        if unit in {line.split()[0] for line in listed.split("\n") if line.strip()}:
            return True
        # An init script has no unit file.
        state = self.check_output("systemctl show -p LoadState %s", unit)
        return state not in ("LoadState=not-found", "LoadState=error")

    @property
    def is_masked(self) -> bool:
        # Exit code 1 is the answer of a disabled unit, and that of a systemctl that cannot ask.
        word = self.run_test("systemctl is-enabled %s", self.name).stdout.strip()
        if not word:
            raise CommandFailed(
                f"'systemctl is-enabled {self.name}' said nothing, so nobody knows whether it is masked"
            )
        return word in ("masked", "masked-runtime")


_CORRECTED: dict[str, type[Module]] = {"package": _Package, "service": _Service}
