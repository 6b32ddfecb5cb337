"""Inheritance: the values of a chain of profile files, and which file set each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from xenproof.errors import ProfileError
from xenproof.profile.complaint import dotted, listed, nearest
from xenproof.profile.document import Document
from xenproof.profile.expectation import Expectation, Level, Status
from xenproof.profile.schema import DEFAULTS, METADATA

Metadata = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Setting:
    """A value, the file that set it and the setting that it replaced; `layer` counts from the root of the chain."""

    value: object
    where: str
    profile: str
    layer: int
    replaced: "Setting | None" = None

    def ancestors(self) -> Iterator["Setting"]:
        """The settings that it replaced, nearest first."""
        setting = self.replaced
        while setting is not None:
            yield setting
            setting = setting.replaced


@dataclass(slots=True)
class _Entry:
    """What all files state about one entry; `metadata` is kept by layer, because provenance depends on the layer."""

    where: str
    metadata: dict[int, Metadata] = field(default_factory=dict)
    settings: dict[str, Setting] = field(default_factory=dict)


class Merged:
    """The files of a chain, merged by key from the root to the profile itself."""

    def __init__(self, root_first: Sequence[Document]) -> None:
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._defaults: dict[str, dict[int, Metadata]] = {}
        self._layers = len(root_first)
        self._starting_points = max((at for at, document in enumerate(root_first) if document.rolling), default=0)
        """The layers below this one are of another release than the rolling one."""
        for layer, document in enumerate(root_first):
            self._remove(document)
            self._add(document, layer)

    def settings(self) -> dict[tuple[str, str, str], Setting]:
        """Every value in force, with its history."""
        return {
            (family, name, attribute): setting
            for (family, name), entry in self._entries.items()
            for attribute, setting in entry.settings.items()
        }

    def expectations(self) -> dict[tuple[str, str, str], Expectation]:
        """Every value with its metadata; raises ProfileError for each whose metadata is incomplete."""
        found: dict[tuple[str, str, str], Expectation] = {}
        problems: list[str] = []
        for (family, name), entry in self._entries.items():
            if not entry.settings:
                problems.append(f"{entry.where}: {dotted([family, name])}: expected at least one attribute, found none")
            for attribute, setting in entry.settings.items():
                path = (family, name, attribute)
                try:
                    found[path] = self._expectation(path, entry, setting)
                except ProfileError as error:
                    problems.append(str(error))
        if problems:
            raise ProfileError(listed(problems))
        return found

    def _remove(self, document: Document) -> None:
        for place in document.removed:
            family, name, *attribute = map(str, place[1:])
            entry = self._entries.get((family, name))
            if entry is None or (attribute and attribute[0] not in entry.settings):
                known = [key for of, key in self._entries if of == family] if entry is None else list(entry.settings)
                wrong = attribute[0] if entry is not None else name
                raise ProfileError(
                    f"{document.where(*place)}: expected something inherited to remove, found "
                    f"{dotted([family, name, *attribute])}, which is not{nearest(wrong, known)}"
                )
            if attribute:
                del entry.settings[attribute[0]]
            else:
                del self._entries[family, name]

    def _add(self, document: Document, layer: int) -> None:
        for family, entries in document.families.items():
            for name, values in entries.items():
                metadata = {key: value for key, value in values.items() if key in METADATA}
                if name == DEFAULTS:
                    self._defaults.setdefault(family, {})[layer] = metadata
                    continue
                where = document.where("families", family, name)
                entry = self._entries.setdefault((family, name), _Entry(where))
                entry.where = where
                entry.metadata[layer] = metadata
                for key in [key for key in values if key not in metadata]:
                    at = document.where("families", family, name, key)
                    entry.settings[key] = Setting(values[key], at, document.name, layer, entry.settings.get(key))

    def _expectation(self, path: tuple[str, str, str], entry: _Entry, setting: Setting) -> Expectation:
        defaults = self._defaults.get(path[0], {})
        source = self._provenance("source", entry, setting, defaults)
        status = self._provenance("status", entry, setting, defaults)
        req = self._policy("req", entry, defaults)
        missing = [key for key, value in (("req", req), ("source", source), ("status", status)) if value is None]
        if missing:
            raise ProfileError(
                f"{setting.where}: {dotted(path)}: expected {', '.join(METADATA[:3])} on the entry or in the "
                f"`defaults` of its family, found no {' and no '.join(missing)}"
            )
        return Expectation(
            path=path,
            value=setting.value,
            req=tuple(req) if isinstance(req, list) else (),
            source=str(source),
            status=Status(str(status)),
            level=Level.NEW
            if self._is_starting_point(entry, setting)
            else _level(self._policy("level", entry, defaults), Status(str(status))),
            profile=setting.profile,
            where=setting.where,
        )

    def _policy(self, key: str, entry: _Entry, defaults: Mapping[int, Metadata]) -> object:
        """`req` and `level` describe the entry: the nearest file decides, and the entry before the defaults."""
        for by_layer in (entry.metadata, defaults):
            for layer in reversed(range(self._layers)):
                if key in (metadata := by_layer.get(layer, {})):
                    return metadata[key]
        return None

    def _is_starting_point(self, entry: _Entry, setting: Setting) -> bool:
        """Whether a rolling release inherits the value, and neither it nor what extends it states the level itself."""
        nearer = range(self._starting_points, self._layers)
        stated = any("level" in entry.metadata.get(layer, {}) for layer in nearer)
        return setting.layer < self._starting_points and not stated

    def _provenance(self, key: str, entry: _Entry, setting: Setting, defaults: Mapping[int, Metadata]) -> object:
        """`source` and `status` describe the value: the file that set it decides, unless a nearer one restates them.

        The defaults of a nearer file do not count, because its author did not check this value.  The
        status of a replaced value does not apply to the new one, which is then inferred.
        """
        changed = setting.replaced is not None and setting.replaced.value != setting.value
        for layer in reversed(range(self._layers)):
            looked_at = layer <= setting.layer
            for metadata in (entry.metadata.get(layer, {}), defaults.get(layer, {}) if looked_at else {}):
                if key in metadata:
                    stale = key == "status" and changed and layer < setting.layer
                    return Status.INFERRED if stale else metadata[key]
        return None


def _level(value: object, status: Status) -> Level:
    """The level; an inferred value is at most `should`, so that a guess never fails a host."""
    level = Level(str(value or Level.MUST))
    return Level.SHOULD if level is Level.MUST and status is Status.INFERRED else level
