"""Manifests with environments, from their files: what is merged, and where each problem is said to be."""

import pytest

from orchestrator.core.manifest.parse import parse
from orchestrator.errors import ManifestError, WrongEnvironment
from orchestrator.loading.manifest_file import launch_and_folder, load_manifest

TEXT = """\
version: 1
launch: spring
accounts:
  acme:
    account_id: "1"
    client_id: {env: ACME_ID}
    client_secret: {env: ACME_SECRET}
defaults: {account: acme}
campaigns:
  - {stream: s, campaign: c}
environments:
  staging:
    host: sandbox
  production:
    host: https://platform.kore.ai
    limits: {max_starts: 200}
    report: {dir: live}
    accounts:
      acme: {account_id: "2"}
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text):
        path = tmp_path / "m.yaml"
        path.write_text(text, encoding="utf-8")
        return path.relative_to(tmp_path)

    return write


def problems(path, environment):
    with pytest.raises(ManifestError) as caught:
        load_manifest(path, environment)
    assert caught.value.next_step == f"python -m orchestrator validate m.yaml --env {environment}"
    return [str(problem) for problem in caught.value.problems]


def test_each_environment_gives_a_manifest_of_its_own(write):
    path = write(TEXT)
    staging, production = load_manifest(path, "staging"), load_manifest(path, "production")

    assert (staging.manifest.host, production.manifest.host) == ("sandbox", "https://platform.kore.ai")
    assert (staging.manifest.accounts["acme"].account_id, production.manifest.accounts["acme"].account_id) == ("1", "2")
    assert (staging.manifest.limits.max_starts, production.manifest.limits.max_starts) == (None, 200)
    assert (production.environment, production.words) == ("production", ("m.yaml", "--env", "production"))


def test_what_workers_are_given_needs_no_environments(write):
    loaded = load_manifest(write(TEXT), "production")

    assert "environments" not in loaded.raw
    assert parse(loaded.raw, loaded.rows) == (loaded.manifest, ())


def test_problems_are_where_the_values_are_written(write):
    path = write(TEXT.replace("max_starts: 200", "max_starts: 0").replace("client_id: {env: ACME_ID}", "in_flight: 0"))

    assert problems(path, "production") == [
        "m.yaml:4:3: accounts.acme.client_id: is missing: this host needs it; write {env: NAME}",
        "m.yaml:6:5: accounts.acme.in_flight: must be greater than or equal to 1",
        "m.yaml:16:14: environments.production.limits.max_starts: must be greater than or equal to 1",
    ]
    # The fault of form in production is found from staging, too; what a host needs is not looked at there.
    assert problems(path, "staging") == [
        "m.yaml:6:5: accounts.acme.in_flight: must be greater than or equal to 1",
        "m.yaml:16:14: environments.production.limits.max_starts: must be greater than or equal to 1",
    ]


def test_a_literal_secret_in_an_environment_is_never_shown(write):
    path = write(TEXT.replace('acme: {account_id: "2"}', "acme: {client_secret: Tr0ub4dor-and-3}"))

    for environment in ("staging", "production"):
        with pytest.raises(ManifestError) as caught:
            load_manifest(path, environment)
        assert [problem.path for problem in caught.value.problems] == [
            "environments.production.accounts.acme.client_secret"
        ]
        assert "Tr0ub4dor" not in repr(caught.value.problems)


def test_an_environment_that_needs_choosing_is_refused(write):
    with pytest.raises(WrongEnvironment):
        load_manifest(write(TEXT))
    with pytest.raises(WrongEnvironment):
        load_manifest(write(TEXT), "prod")


def test_the_folder_of_the_reports_is_that_of_the_environment(write):
    path = write(TEXT)

    assert launch_and_folder(path, "production") == ("spring", "live", "production")
    assert launch_and_folder(path, "staging") == ("spring", None, "staging")
    assert launch_and_folder(path, "../..") == ("spring", None, None)
