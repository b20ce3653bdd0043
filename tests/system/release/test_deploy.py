"""deploy/: what it names exists, and Kubernetes' own schema accepts it."""

import re
import subprocess

import kubernetes_validate
import pytest
import yaml

from orchestrator.cli.catalogue import COMMANDS
from orchestrator.core.exit_codes import ExitCode
from orchestrator.loading.manifest_file import load_manifest
from tests.paths import ROOT

KUBERNETES = ("1.32", "1.34")
ITEMS = yaml.safe_load((ROOT / "deploy/kubernetes.yaml").read_text(encoding="utf-8"))["items"]


def item(kind):
    return next(one for one in ITEMS if one["kind"] == kind)


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("one", ITEMS, ids=lambda one: one["kind"])
def test_kubernetes_schema_accepts_it(one, version):
    kubernetes_validate.validate(one, version, strict=True)


def test_the_schema_would_refuse_a_misspelt_key():
    wrong = {**item("Job"), "spec": {**item("Job")["spec"], "backOffLimit": 3}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, KUBERNETES[0], strict=True)


def test_its_manifest_is_valid(tmp_path):
    (tmp_path / "launch.yaml").write_text(item("ConfigMap")["data"]["launch.yaml"], encoding="utf-8")
    loaded = load_manifest(tmp_path / "launch.yaml")
    assert loaded.manifest.launch == "spring-renewal"


def test_no_pod_runs_again_for_what_a_person_must_look_at():
    """A code that is missing here would be retried at once: for a refusal for nothing, for an unknown in the dark."""
    rule = item("Job")["spec"]["podFailurePolicy"]["rules"][0]["onExitCodes"]
    retried = {ExitCode.OK, ExitCode.INTERNAL, ExitCode.LANE_LEASED, ExitCode.SIGHUP, ExitCode.SIGINT, ExitCode.SIGTERM}
    never = {code for code in ExitCode if code not in retried and code < 14}
    assert set(rule["values"]) == never


def test_it_runs_as_nobody_on_a_read_only_file_system():
    for kind in ("Job", "CronJob"):
        spec = item(kind)["spec"]
        pod = (spec.get("jobTemplate", {}).get("spec") or spec)["template"]["spec"]
        container = pod["containers"][0]
        assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (True, 10001)
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["args"][0] in COMMANDS


def test_what_the_image_copies_is_there():
    text = (ROOT / "deploy/Containerfile").read_text(encoding="utf-8")
    copied = [word for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE) for word in line.split()[:-1]]
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert copied
    for word in copied:
        assert (ROOT / word).exists()
        assert any(word == line[1:] or word.startswith(f"{line[1:]}/") for line in ignored if line.startswith("!"))


def test_approvals_can_be_checked_in_the_image():
    text = (ROOT / "deploy/Containerfile").read_text(encoding="utf-8").replace("\\\n", "")
    (installed,) = re.findall(r"apt-get install (.+?) &&", text)
    assert {"tini", "openssh-client"} <= set(installed.split())
    # ssh-keygen does nothing for a user without a name.
    assert re.search(r"useradd --uid 10001 ", text)


@pytest.mark.timeout(900)
def test_the_demonstration_runs_in_the_image(capfd):
    """Built by buildah on a Debian of its own. Where that cannot be had, it says what is missing."""
    done = subprocess.run([ROOT / ".ci/image"], cwd=ROOT, check=False)
    out, err = capfd.readouterr()
    if done.returncode == 75:
        pytest.skip(err.strip().splitlines()[-1])
    assert done.returncode == 0, err
    assert "30 started" in out
    assert re.search(r"image: \d+ MB over its base, compressed", out)
