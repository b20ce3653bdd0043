"""axe-core, which judges a page by WCAG: fetched once from npm, pinned by its hash, and only for these tests."""

import hashlib
import shutil
import subprocess
import tarfile

import pytest

PACKAGE, FILE = "axe-core@4.10.3", "axe-core-4.10.3.tgz"
SHA256 = "0f2b4d7dcdf7d1219df8d1959ad68e565f51d14c3f0d88bb71cd59abeb956292"
RUN = """
    const done = arguments[0];
    axe.run(document, {resultTypes: ["violations"]}).then(found => done(found.violations
        .map(one => [one.impact, one.id, one.nodes.map(node => node.html.slice(0, 200))])));
"""


def source(folder):
    """The script's text. Skips the test where npm is missing or has no network."""
    archive = folder / FILE
    if not archive.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("no npm here, which brings axe-core")
        got = subprocess.run([npm, "pack", PACKAGE], cwd=folder, capture_output=True, timeout=120, check=False)
        if got.returncode != 0:
            pytest.skip(f"npm cannot bring {PACKAGE}")
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == SHA256
    with tarfile.open(archive) as package:
        return package.extractfile("package/axe.min.js").read().decode()


def violations(page, script):
    """What axe finds: impact, rule, and the elements. The page's policy lets no script of its own be added."""
    page.driver.execute_cdp_cmd("Runtime.evaluate", {"expression": script})
    return page.driver.execute_async_script(RUN)
