"""testinfra's Host with its wrong answers corrected; docs/decisions/0013 describes each of them.

If testinfra cannot tell, CommandFailed is raised: an error, never an answer.
"""

from typing import Any

from testinfra.host import Host
from testinfra.modules.base import Module
from testinfra.modules.package import Package, RpmPackage
from testinfra.modules.service import Service, SystemdService

from xenproof.errors import CommandFailed


class CorrectedHost(Host):  # type: ignore[misc]  # testinfra has no types
    """A host as users know it from testinfra."""

    def run_expect(self, expected: list[int], command: str, *args: str, **kwargs: Any) -> Any:
        """Run a command; raises CommandFailed if its exit code is not an expected one.

        testinfra raises AssertionError, which would count as a failure of the examined host.
        """
        done = self.run(command, *args, **kwargs)
        if done.rc not in expected:
            raise CommandFailed(
                f"{done.command.decode()!r} ended with exit code {done.rc}, expected one of {expected}; "
                f"it printed: {(done.stderr or done.stdout).strip()[-500:]!r}"
            )
        return done

    def check_output(self, command: str, *args: str, **kwargs: Any) -> str:
        """The output of a command, without the last line end; raises CommandFailed unless it exits with 0."""
        return str(self.run_expect([0], command, *args, **kwargs).stdout).rstrip("\r\n")

    def __getattr__(self, name: str) -> Any:
        if name not in _CORRECTED:
            return super().__getattr__(name)
        found = _CORRECTED[name].get_module(self)
        setattr(self, name, found)
        return found


class _Package(Package):  # type: ignore[misc]  # testinfra has no types
    @classmethod
    def get_module_class(cls, host: CorrectedHost) -> type[Module]:
        # testinfra does not support `sles`, and uses dpkg if it is on the PATH.  The package manager that installed rpm
        # itself is the host's own: on Debian rpm has no package of that name.
        if host.run("rpm -q rpm").rc == 0:
            return _RpmPackage
        return super().get_module_class(host)  # type: ignore[no-any-return]  # testinfra has no types


class _RpmPackage(RpmPackage):  # type: ignore[misc]  # testinfra has no types
    @property
    def version(self) -> str:
        return self._only("VERSION")

    @property
    def release(self) -> str:
        return self._only("RELEASE")

    def _only(self, tag: str) -> str:
        # Several kernels can be installed at the same time, and testinfra concatenates their versions.
        found = str(self.check_output(f"rpm -q --queryformat '%%{{{tag}}}\\n' %s", self.name)).split("\n")
        if len(set(found)) != 1:
            raise CommandFailed(
                f"{self.name} is installed {len(found)} times, with {tag.lower()} {', '.join(found)}, "
                "so it has no one; name it with its version, as rpm does"
            )
        return found[0]


class _Service(Service):  # type: ignore[misc]  # testinfra has no types
    @classmethod
    def get_module_class(cls, host: CorrectedHost) -> type[Module]:
        found: type[Module] = super().get_module_class(host)
        return _SystemdService if found is SystemdService else found


class _SystemdService(SystemdService):  # type: ignore[misc]  # testinfra has no types
    @property
    def exists(self) -> bool:
        # testinfra takes the name for the beginning of a pattern, so that xend exists because of
        # xendomains.service; and it takes a failing systemctl for one that finds nothing.
        unit = self.name if self._has_systemd_suffix() else f"{self.name}.service"
        listed = self.check_output("systemctl list-unit-files --full --no-legend --no-pager")
        if unit in {line.split()[0] for line in listed.split("\n") if line.strip()}:
            return True
        # An init script has no unit file.
        state = self.check_output("systemctl show -p LoadState %s", unit)
        return state not in ("LoadState=not-found", "LoadState=error")

    @property
    def is_masked(self) -> bool:
        # Exit code 1 means a disabled unit, or a systemctl that cannot reach systemd.
        word = self.run_test("systemctl is-enabled %s", self.name).stdout.strip()
        if not word:
            raise CommandFailed(
                f"'systemctl is-enabled {self.name}' printed nothing, so it is unknown whether it is masked"
            )
        return word in ("masked", "masked-runtime")


_CORRECTED: dict[str, type[Module]] = {"package": _Package, "service": _Service}
