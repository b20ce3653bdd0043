"""Which file systems are local, by samples of what machines say of their mounts."""

from pathlib import Path

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger.file_system import check_local, file_system, kind_by_bsd_mount, kind_by_kernel, kind_in

ROOT = "28 1 253:0 / / rw,relatime shared:1 - ext4 /dev/mapper/vg-root rw"

SHARED = {
    "virtiofs": "41 28 0:39 / /data rw,relatime - virtiofs share rw",
    "9p": "42 28 0:40 / /data rw,noatime - 9p drvfs rw,aname=drvfs;path=C:\\;uid=1000",
    "fuse.sshfs": "43 28 0:41 / /data rw,nosuid,nodev shared:9 - fuse.sshfs ann@host:/srv rw,user_id=1000",
    "fuse.s3fs": "44 28 0:42 / /data rw,nosuid,nodev - fuse.s3fs s3fs rw,user_id=0,allow_other",
    "fuse.gcsfuse": "45 28 0:43 / /data rw - fuse.gcsfuse bucket rw",
    "fuse.grpcfuse": "46 28 0:44 / /data rw - fuse.grpcfuse grpcfuse rw",
    "fuse.rclone": "47 28 0:45 / /data rw - fuse.rclone remote: rw",
    "fuse": "48 28 0:46 / /data rw - fuse something rw",
    "vboxsf": "49 28 0:47 / /data rw,nodev - vboxsf work rw,iocharset=utf8",
    "fuse.vmhgfs-fuse": "50 28 0:48 / /data rw - fuse.vmhgfs-fuse vmhgfs-fuse rw",
    "prl_fs": "51 28 0:49 / /data rw - prl_fs home rw",
    "drvfs": "52 28 0:50 / /data rw,noatime - drvfs C: rw",
    "lustre": "53 28 0:51 / /data rw - lustre 10.0.0.1@tcp:/scratch rw,flock",
    "gpfs": "54 28 0:52 / /data rw - gpfs gpfs0 rw",
    "beegfs": "55 28 0:53 / /data rw - beegfs beegfs_nodev rw",
    "fuse.glusterfs": "56 28 0:54 / /data rw - fuse.glusterfs gl:/v0 rw",
    "nfs": "57 28 0:55 / /data rw - nfs filer:/vol rw,vers=3",
    "nfs4": "58 28 0:56 / /data rw shared:3 master:4 - nfs4 filer:/vol rw,vers=4.2",
    "cifs": "59 28 0:57 / /data rw - cifs //filer/vol rw,vers=3.1.1",
    "smb3": "60 28 0:58 / /data rw - smb3 //filer/vol rw",
    "ceph": "61 28 0:59 / /data rw - ceph mon1:6789:/ rw",
    "gfs2": "62 28 8:1 / /data rw - gfs2 /dev/sda1 rw",
    "ocfs2": "63 28 8:1 / /data rw - ocfs2 /dev/sda1 rw",
    "afs": "64 28 0:60 / /data rw - afs AFS rw",
    "a-kind-of-tomorrow": "65 28 0:61 / /data rw - a-kind-of-tomorrow x rw",
}
LOCAL = ["ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "tmpfs", "overlay", "fuseblk", "fuse.fuse-overlayfs"]


def check(monkeypatch, kind):
    monkeypatch.setattr("orchestrator.ledger.file_system.file_system", lambda _: kind)
    check_local(Path("/data/ledger.db"))


@pytest.mark.parametrize("kind", SHARED)
def test_what_others_may_share_is_refused_by_its_name(monkeypatch, kind):
    found = kind_in(f"{ROOT}\n{SHARED[kind]}\n", Path("/data/ledgers/ledger.db"))
    with pytest.raises(LedgerError, match=f"of kind {kind}, which is not known to be local") as caught:
        check(monkeypatch, found)

    assert found == kind
    assert caught.value.exit_code == 8


@pytest.mark.parametrize("kind", LOCAL)
def test_what_only_this_machine_can_have_is_accepted(monkeypatch, kind):
    found = kind_in(f"{ROOT}\n41 28 8:1 / /data rw - {kind} /dev/sda1 rw\n", Path("/data/ledger.db"))
    check(monkeypatch, found)

    assert found == kind


TREE = f"""\
22 28 0:21 / /proc rw - proc proc rw
{ROOT}
30 28 0:30 / /srv rw - xfs /dev/sdb rw
31 30 0:31 / /srv/old rw - nfs4 filer:/old rw
32 30 0:32 / /srv/with\\040space rw shared:7 - btrfs /dev/sdc rw
33 28 0:33 / /hidden/below rw - nfs4 filer:/below rw
34 28 0:34 / /hidden rw - tmpfs tmpfs rw
35 28 0:35 / /twice rw - nfs4 filer:/twice rw
36 35 0:36 / /twice rw - zfs tank/twice rw
37 28 0:37 / /srv/ledger.db rw - ext4 /dev/sdd rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/ann/ledger.db", "ext4"),
        ("/srv/ledger.db2", "xfs"),
        ("/srv/old/ledger.db", "nfs4"),
        ("/srv/older/ledger.db", "xfs"),
        ("/srv/with space/ledger.db", "btrfs"),
        ("/hidden/below/ledger.db", "tmpfs"),
        ("/twice/ledger.db", "zfs"),
    ],
)
def test_the_mount_that_a_path_shows_decides(path, kind):
    assert kind_in(TREE, Path(path)) == kind


def test_a_file_of_its_own_mount_has_that_ones_kind():
    mounts = f"{ROOT}\n41 28 0:39 /ledger.db /data/ledger.db rw - virtiofs share rw\n"

    assert kind_in(mounts, Path("/data/ledger.db")) == "virtiofs"
    assert kind_in(mounts, Path("/data/other.db")) == "ext4"


@pytest.mark.parametrize("mounts", ["", "22 28 0:21 / /proc rw - proc proc rw\n"])
def test_a_path_that_no_mount_holds_is_of_no_known_kind(mounts):
    assert kind_in(mounts, Path("/data/ledger.db")) == ""


MACOS = """\
/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse, protect)
map auto_home on /System/Volumes/Data/home (autofs, automounted, nobrowse)
//ann@filer/work on /Volumes/work (smbfs, nodev, nosuid, mounted by ann)
"""


@pytest.mark.parametrize(
    ("path", "kind"), [("/Users/ann/l.db", "apfs"), ("/Volumes/work/l.db", "smbfs"), ("/Volumes/works/l.db", "apfs")]
)
def test_where_there_is_no_proc_the_mount_command_names_it(path, kind):
    assert kind_by_bsd_mount(MACOS, Path(path)) == kind


def test_a_link_to_a_file_elsewhere_is_judged_where_the_file_is(tmp_path):
    link = tmp_path / "ledger.db"
    link.symlink_to("/proc/version")

    assert file_system(link) == "proc"


def test_this_machine_is_asked(tmp_path):
    path = tmp_path / "ledger.db"

    assert file_system(path) == kind_in(Path("/proc/self/mountinfo").read_text(encoding="utf-8"), path) != ""
    assert file_system(Path("/proc/self/status")) == "proc"


BARE_CHROOT = "22 28 0:21 / /proc rw - proc proc rw\n"


@pytest.mark.parametrize("name", ["ledger.db", "not/yet/there/ledger.db"])
@pytest.mark.parametrize("mounts", [BARE_CHROOT, None])
def test_in_a_bare_chroot_the_kernel_names_it(monkeypatch, tmp_path, mounts, name):
    known = file_system(tmp_path)
    mountinfo = tmp_path / "mountinfo"
    if mounts:
        mountinfo.write_text(mounts, encoding="utf-8")
    monkeypatch.setattr("orchestrator.ledger.file_system._MOUNTINFO", mountinfo)
    path = tmp_path / name

    assert file_system(path) == known
    check_local(path)


def test_the_kernel_names_no_file_system_that_it_cannot_tell():
    assert kind_by_kernel(Path("/proc/self/status")) == ""


def test_the_kernels_number_is_linux_alone(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.platform", "darwin")

    assert kind_by_kernel(tmp_path) == ""
