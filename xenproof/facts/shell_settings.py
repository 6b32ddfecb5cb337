"""Settings in files of shell variables, such as /etc/sysconfig/xendomains; the files are not run."""

from dataclasses import dataclass

from xenproof.facts.shell_variables import ShellVariables, shell_variables
from xenproof.facts.texts import TEXTS
from xenproof.profile.profile import Profile
from xenproof.source.probe import Recording

UNSET = "unset"


@dataclass(frozen=True, slots=True)
class ShellSettings:
    """The settings that a profile names as FILE:VARIABLE."""

    recording: Recording
    profile: Profile

    def value(self, name: str) -> str:
        """The value, "unset" if the file does not set it; raises NotEvaluable if there is no such file."""
        variables, variable = self._variables(name)
        return variables.value(variable) if variable in variables.values else UNSET

    def words(self, name: str) -> tuple[str, ...]:
        """The words of the value; raises NotEvaluable if there is no such file."""
        variables, variable = self._variables(name)
        return variables.options(variable)

    def _variables(self, name: str) -> tuple[ShellVariables, str]:
        path, _, variable = name.rpartition(":")
        return shell_variables(path, TEXTS.of(self.recording, self.profile).of(path)), variable
