"""Settings in files of shell variables, such as /etc/sysconfig/xendomains; the files are not run."""

from dataclasses import dataclass

from xenproof.facts.texts import TEXTS
from xenproof.probing.shell_variables import ShellVariables, shell_variables
from xenproof.profile.profile import Profile
from xenproof.source.probe import Recording

UNSET = "unset"


@dataclass(frozen=True, slots=True)
class ShellSettings:
    """The settings that a profile names as FILE:VARIABLE."""

    recording: Recording
    profile: Profile

    def value(self, name: str) -> str:
        """The value, "unset" if the file does not set it or is not there; raises NotEvaluable if that is unknown."""
        variables, variable = self._variables(name)
        return variables.value(variable) if variable in variables.values else UNSET

    def words(self, name: str) -> tuple[str, ...]:
        """The words of the value, none if the file is not there; raises NotEvaluable if that is unknown."""
        variables, variable = self._variables(name)
        return variables.options(variable)

    def _variables(self, name: str) -> tuple[ShellVariables, str]:
        path, _, variable = name.rpartition(":")
        texts = TEXTS.of(self.recording, self.profile)
        # Programs that read such a file use their defaults if it is missing, just as if it sets nothing.
        return shell_variables(path, () if path in texts.missing else texts.of(path)), variable
