"""The folder in which the lab keeps its images and its running hosts."""

import os
import shutil
from pathlib import Path

import platformdirs

from xenproof.errors import LabError

GIB = 1 << 30


def cache_folder() -> Path:
    """The lab's folder: $XENPROOF_CACHE, else `xenproof` below the user's cache directory."""
    chosen = os.environ.get("XENPROOF_CACHE")
    return Path(chosen).absolute() if chosen else platformdirs.user_cache_path("xenproof")


def made(folder: Path) -> Path:
    """`folder`, created if missing and readable by its owner only; raises LabError if that fails."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise LabError(
            f"cannot create {folder}: {error.strerror}; set XENPROOF_CACHE to a folder that you can write to"
        ) from error
    return folder


def require_space(folder: Path, need_gib: float, purpose: str) -> None:
    """Raise LabError unless `folder` has `need_gib` GiB free."""
    free = shutil.disk_usage(folder).free / GIB
    if free < need_gib:
        raise LabError(
            f"{purpose} needs {need_gib:.1f} GiB free in {folder}, found {free:.1f} GiB; "
            "free some space, or set XENPROOF_CACHE to a folder on another disk"
        )
