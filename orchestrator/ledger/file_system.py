"""Which kind of file system a folder is on, and which kinds a ledger may lie on."""

import re
import subprocess
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
        return kind_in(Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape"), real)
    except OSError:
        return _kind_by_command(real)


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
