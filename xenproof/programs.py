"""Finds and runs programs of this machine."""

import os
import shutil
import subprocess

from xenproof.errors import LabError

_NEEDED_BY = {
    "mmdebstrap": "package mmdebstrap",
    "qemu-img": "package qemu-utils",
    "qemu-system-x86_64": "package qemu-system-x86",
    "mke2fs": "package e2fsprogs",
    "mkfs.btrfs": "package btrfs-progs",
    "mkfs.xfs": "package xfsprogs",
    "sfdisk": "package fdisk",
    "lz4": "package lz4",
    "zstd": "package zstd",
    "fakeroot": "package fakeroot",
    "unshare": "package util-linux",
    "tar": "package tar",
}


def require(program: str) -> str:
    """The path of `program`; raises LabError that names the Debian package that contains it."""
    # mke2fs and sfdisk are in sbin, which is not on every user's PATH.
    found = shutil.which(program, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")
    if found is None:
        raise LabError(f"{program} is missing, the lab needs it: install the {_NEEDED_BY.get(program, program)}")
    return found


def piped(data: bytes, program: str, *words: str, limit_s: float = 300) -> bytes:
    """The output of `program` for the input `data`; raises LabError with its message if it is missing or fails."""
    done = subprocess.run([require(program), *words], input=data, capture_output=True, check=False, timeout=limit_s)
    if done.returncode:
        printed = done.stderr.decode("utf-8", "replace").strip()[-300:]
        raise LabError(f"{program} ended with exit code {done.returncode}: {printed!r}")
    return done.stdout
