"""Which kind of file system a folder is on, and which kinds a ledger may lie on."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from orchestrator import places
from orchestrator.errors import LedgerError

_LOCAL: Final = frozenset({
    # disks
    "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "bcachefs", "f2fs", "jfs", "nilfs2", "reiserfs", "ntfs", "ntfs3",
    "fixed drive", "apfs", "hfs", "hfsplus", "ufs", "ffs", "fuseblk", "fuse.zfs",
    # memory, and layers over one of these
    "tmpfs", "ramfs", "rootfs", "overlay", "aufs", "fuse.fuse-overlayfs",
    # images, from which a ledger is only read
    "squashfs", "erofs", "iso9660",
})  # fmt: skip
"""An allow list: there is no end of file systems that machines or a virtual machine and its host share."""

_MAGIC: Final = {
    0xEF53: "ext4", 0x58465342: "xfs", 0x9123683E: "btrfs", 0x2FC12FC1: "zfs", 0xCA451A4E: "bcachefs",
    0xF2F52010: "f2fs", 0x01021994: "tmpfs", 0x858458F6: "ramfs", 0x794C7630: "overlay",
    0x6969: "nfs", 0xFF534D42: "cifs", 0xFE534D42: "smb3", 0x01021997: "9p", 0x65735546: "fuse", 0x00C36400: "ceph",
}  # fmt: skip
"""What Linux calls file systems by number (`statfs`), and a name of each: ext2 and ext3 share ext4's number. All of
FUSE and virtiofs share one, too, which is not in `_LOCAL`."""

_MOUNTINFO: Final = Path("/proc/self/mountinfo")
_DRIVES: Final = {2: "removable drive", 3: "fixed drive", 4: "remote drive", 5: "CD-ROM", 6: "RAM disk"}
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")
_BSD_MOUNT: Final = re.compile(r"^.* on (?P<point>/.*?) \((?P<kind>[^,)]+)", re.MULTILINE)


def check_local(path: Path) -> None:
    """Raise LedgerError for a ledger's path where another machine may share the file system."""
    kind = file_system(path)
    if kind not in _LOCAL:
        raise LedgerError(
            f"{path} is on a file system of kind {kind or 'unknown'}, which is not known to be local: "
            "another machine may share it, and its locks cannot be trusted",
            next_step="put the ledger on a disk of this machine (ext4, xfs, btrfs, zfs, apfs), or use PostgreSQL",
        )


def file_system(path: Path) -> str:
    """The kind of file system that holds `path` or, where there is no such file yet, will hold it. Empty: not known."""
    real = path.resolve()
    if places.IS_WINDOWS:
        return kind_of_drive(real.anchor)
    try:
        kind = kind_in(_MOUNTINFO.read_text(encoding="utf-8", errors="surrogateescape"), real)
    except OSError:
        kind = _kind_by_command(real)
    return kind or kind_by_kernel(real)


@dataclass(frozen=True, slots=True)
class _Mount:
    number: str
    parent: str
    point: Path
    kind: str


def kind_in(mountinfo: str, path: Path) -> str:
    """The kind of file system at `path`, an absolute path without links, by the text of /proc/self/mountinfo."""
    mounts = list(_mounts(mountinfo))
    numbers = {mount.number for mount in mounts}
    above = [mount for mount in mounts if path.is_relative_to(mount.point)]
    # Down the tree of mounts. The longest mount point is not always the answer: a later mount above it may hide it.
    found, children = None, [mount for mount in above if mount.parent not in numbers - {mount.number}]
    while children:
        found = min(children, key=lambda mount: len(mount.point.parts))
        children = [mount for mount in above if mount.parent == found.number and mount is not found]
    return found.kind if found is not None else ""


def _mounts(mountinfo: str) -> Iterator[_Mount]:
    for line in mountinfo.splitlines():
        mount, _, source = line.partition(" - ")
        number, parent, _, _, point, *_ = mount.split(" ")
        plain = _ESCAPED.sub(lambda escape: chr(int(escape[1], 8)), point)
        yield _Mount(number, parent, Path(plain), source.partition(" ")[0])


def kind_by_kernel(path: Path) -> str:
    """The kind of file system at `path` by its number on Linux, for a bare chroot, whose mounts do not show its root.

    Not asked first: the kernel has one number for all of FUSE, whether it is a disk or another machine's folder.
    """
    if sys.platform != "linux":  # elsewhere the number is at another place of the answer, or means something else
        return ""
    import ctypes

    place = next(folder for folder in (path, *path.parents) if folder.exists())
    answer = ctypes.create_string_buffer(512)  # 120 bytes and some spare ones; the kind is the first number in it
    try:
        if ctypes.CDLL(None).statfs(os.fsencode(place), answer) != 0:
            return ""
    except (OSError, AttributeError):  # a C library without it
        return ""
    return _MAGIC.get(ctypes.c_long.from_buffer(answer).value & 0xFFFFFFFF, "")


def kind_of_drive(root: str) -> str:
    """The kind of a drive of Windows by its root, as `Path.anchor` has it. Empty: not known."""
    import ctypes

    loaded: Any = getattr(ctypes, "windll", None)
    return _DRIVES.get(loaded.kernel32.GetDriveTypeW(root), "") if loaded is not None else ""


def _kind_by_command(path: Path) -> str:
    """The same where there is no /proc, as on macOS: the command `mount` names each mount point's kind."""
    try:
        done = subprocess.run(["/sbin/mount"], capture_output=True, text=True, errors="replace", timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return kind_by_bsd_mount(done.stdout, path)


def kind_by_bsd_mount(mounts: str, path: Path) -> str:
    """The kind of file system at `path`, an absolute path without links, by the output of a BSD's `mount`."""
    above = [match for match in _BSD_MOUNT.finditer(mounts) if path.is_relative_to(match["point"])]
    return max(above, key=lambda match: len(match["point"]), default={"kind": ""})["kind"]
