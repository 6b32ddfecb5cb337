"""The schema of profiles: the families, their attributes and the types of their values.

To add a family, add a line to FAMILY_SHAPES; for a new kind of value, add a type above it.  `description`
completes the sentence "expected ..." of an error message.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Kind = Mapping[str, Any]

METADATA = ("req", "source", "status", "level")
DEFAULTS = "defaults"

# fmt: off
_UNIT_STATES = (
    "enabled", "enabled-runtime", "linked", "linked-runtime", "alias", "masked", "masked-runtime", "static",
    "indirect", "disabled", "generated", "transient", "bad",
)
# fmt: on


def _one_of(*values: str) -> Kind:
    return {"type": "string", "enum": list(values), "description": "one of " + ", ".join(values)}


def _text(description: str, pattern: str = r"\S") -> Kind:
    return {"type": "string", "pattern": pattern, "description": description}


TEXT = _text("a string that is not empty")
BOOL: Kind = {"type": "boolean", "description": "true or false"}
COUNT: Kind = {"type": "integer", "minimum": 0, "description": "a whole number, 0 or more"}
NAMES: Kind = {"type": "array", "items": TEXT, "uniqueItems": True, "description": "a list of strings, none twice"}
SOME_NAMES: Kind = {**NAMES, "minItems": 1, "description": "a list of one or more strings, none twice"}
RANGE: Kind = _text('a version range such as ">=4.17, <4.18"', pattern="")  # version.py checks the form
STRING: Kind = _text("a string", pattern="")
BOOL_OR_TEXT: Kind = {"type": ["boolean", "string"], "minLength": 1, "description": "true, false or a string"}
PATH = _text("an absolute path", "^/")
MODE = _text('an octal mode with a leading 0, such as "0755"', r"^0[0-7]{3,4}$")
OWNER = _text('a user and a group, such as "root:root"', r"^[^:\s]+:[^:\s]+$")
REQ: Kind = {**SOME_NAMES, "description": "a list of one or more requirements, such as [S06]"}


@dataclass(frozen=True, slots=True)
class FamilyShape:
    """The attributes of a family's entries; `only` lists the entries if they are fixed, `names` is their pattern."""

    attributes: Mapping[str, Kind]
    only: tuple[str, ...] = ()
    names: str = r"\S"


def _family(only: str = "", names: str = r"\S", **attributes: Kind) -> FamilyShape:
    # `is_` stands for the attribute `is`, which is a keyword of Python.
    return FamilyShape({name.rstrip("_"): kind for name, kind in attributes.items()}, tuple(only.split()), names)


FAMILY_SHAPES: dict[str, FamilyShape] = {
    "packages": _family(installed=BOOL, version=RANGE),
    "versions": _family(only="hypervisor kernel libvirt qemu", running=RANGE, agrees_with=TEXT),
    "units": _family(active=_one_of("active", "inactive"), enabled=_one_of(*_UNIT_STATES), exists=BOOL),
    "systemd": _family(failed=NAMES, state=SOME_NAMES),
    "files": _family(names="^/", exists=BOOL, type=_one_of("file", "directory", "symlink"), mode=MODE, owner=OWNER),
    "grub": _family(present=BOOL, has=SOME_NAMES),
    "boot": _family(only="hypervisor kernel", generated=BOOL, running=BOOL, has=SOME_NAMES, default_xen=BOOL),
    "dom0": _family(only="memory vcpus control", pinned=BOOL, running=BOOL, min_mib=COUNT, max=COUNT, is_=BOOL),
    "xl_conf": _family(is_=STRING, one_of=SOME_NAMES),
    "xl_commands": _family(present=BOOL),
    "commands": _family(on_path=BOOL),
    "bridges": _family(exists=BOOL, up=BOOL, has_port=BOOL),
    "sshd": _family(is_=STRING, one_of=SOME_NAMES),
    "images": _family(names="^/", filesystem=SOME_NAMES, free_mib=COUNT, snapshot_free=BOOL),
    "modules": _family(loaded=BOOL),
    "processes": _family(running=BOOL),
    "ports": _family(names="^[1-9][0-9]{0,4}$", listening=BOOL),
    "logs": _family(readable=BOOL, rotated=BOOL, mentions=TEXT),
    "hypervisor": _family(is_=STRING, has=SOME_NAMES, lacks=SOME_NAMES, range=RANGE),
    "guest": _family(
        only="grub_xen grub_pvh grub_pc qdisk blkback images direct_io libvirt_cache nested_hvm spice_password "
        "vnc_password second_writer_blkback second_writer_device second_writer_qdisk kernel_xz kernel_gzip kernel_lz4 "
        "kernel_zstd xen-xl xen-xm xen-sxp virt-install vhd",
        path=PATH,
        type=_one_of("phy", "qdisk"),
        served=BOOL,
        by_grub_xen=BOOL,
        by_xl=BOOL,
        boots=BOOL,
        converted=_one_of("kept", "unknown"),
    ),
    "libvirt": _family(only="connects dom0_listed driver", is_=BOOL_OR_TEXT),
    "kernel": _family(only="flavour kind", is_=TEXT),
    "kernel_config": _family(names="^CONFIG_", one_of=SOME_NAMES),
    "mounts": _family(names="^/", mounted=BOOL, filesystem=SOME_NAMES, writable=BOOL),
    "settings": _family(names=r"^/[^:]+:[A-Za-z_]\w*$", is_=STRING, one_of=SOME_NAMES, has=SOME_NAMES),
    "qemu_options": _family(names="^[a-z]", present=BOOL),
    "tools": _family(runs=BOOL, version=RANGE),
    "integrity": _family(changed=NAMES),
    "ssh": _family(
        only="login key authorized_keys known_hosts peers",
        silent=BOOL,
        usable=BOOL,
        safe=BOOL,
        present=BOOL,
        trusted=BOOL,
    ),
    "serial": _family(only="hypervisor kernel", consistent=BOOL, consoles=SOME_NAMES),
    "xl_conf_keys": _family(only="used", known=SOME_NAMES),
    "xend_config": _family(only="settings", carried_over=BOOL),
    "leftovers": _family(only="managed_domains sxp_configs", found=NAMES, imported=BOOL),
    "xenstore": _family(names="^/", is_=STRING, exists=BOOL),
    "pidfiles": _family(names="^/", process=TEXT),
    "clock": _family(only="skew", max_s=COUNT),
}

RANGES = frozenset(
    (family, name)
    for family, shape in FAMILY_SHAPES.items()
    for name, kind in shape.attributes.items()
    if kind is RANGE
)

_METADATA_KINDS: Mapping[str, Kind] = {
    "req": REQ,
    "source": _text("where the value comes from, as a string that is not empty"),
    "status": _one_of("verified", "documented", "inferred"),
    "level": _one_of("must", "should", "info", "new"),
}


def _closed(properties: Mapping[str, Kind], description: str) -> Kind:
    return {"type": "object", "properties": properties, "additionalProperties": False, "description": description}


def _family_schema(name: str, shape: FamilyShape) -> Kind:
    entry = _closed({**shape.attributes, **_METADATA_KINDS}, "a map of attributes")
    defaults = _closed(_METADATA_KINDS, "a map of " + ", ".join(METADATA))
    description = f"a map of entries of {name}"
    if shape.only:
        return _closed({**dict.fromkeys(shape.only, entry), DEFAULTS: defaults}, description)
    return {
        "type": "object",
        "properties": {DEFAULTS: defaults},
        "propertyNames": {
            "pattern": f"(?:{shape.names})|^{DEFAULTS}$",
            "description": f"an entry whose name matches {shape.names}",
        },
        "additionalProperties": entry,
        "description": description,
    }


SCHEMA: Kind = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    **_closed(
        {
            "name": _text('a name such as "debian12"', r"^[a-z0-9][a-z0-9._-]{0,99}\Z"),
            "title": TEXT,
            "extends": _text("the name of a profile, or a relative path that ends in .yaml"),
            "scheme": _one_of("deb", "rpm"),
            "rolling": BOOL,
            "description": TEXT,
            "families": _closed(
                {name: _family_schema(name, shape) for name, shape in FAMILY_SHAPES.items()}, "a map of families"
            ),
        },
        "a map with name, title, scheme and families",
    ),
}
