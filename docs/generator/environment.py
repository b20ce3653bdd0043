"""The one list of environment variables. tests/system/docs/test_reference.py finds those that the code reads."""

from collections.abc import Iterator
from typing import Final

from docs.generator.tables import table

READ: Final = {
    "ORCHESTRATOR_ENV": "As `--env`, chooses the environment of a manifest that has environments; others are refused.",
    "ORCHESTRATOR_MAX_STARTS": "`run`, `plan`: as `--max-starts`, refuses a plan with more starts.",
    "ORCHESTRATOR_MAX_RECIPIENTS": "`run`, `plan`: as `--max-recipients`, refuses a plan that texts more people.",
    "ORCHESTRATOR_LOOP": "`asyncio` or `uvloop`: the event loop; unset, uvloop where the extra `speed` is installed.",
    "SSL_CERT_FILE": "CA certificates to trust: [hosts](../how-to/hosts.md#a-certificate-of-your-own-ca).",
    "NO_COLOR": "No style in what is printed.",
    "FORCE_COLOR": "Styles even where the output is no terminal.",
    "TERM": "`dumb` and `unknown`: neither styles nor bars.",
    "PAGER": "The pager of `plan` at a terminal, for a plan that does not fit; empty or `cat`: none.",
    "LESS": "The options of `less`; unset, `FRX`, which leaves the plan on the screen.",
    "CI": "Lines instead of bars, even at a terminal; `doctor` warns of a disk that may be gone after the job.",
    "GITHUB_ACTIONS": "`true`: the job gets the results, as with `--ci github`; `doctor` warns as with `CI`.",
    "GITHUB_OUTPUT": "The file for the step's outputs.",
    "GITHUB_STEP_SUMMARY": "The file for the step's summary.",
    "GITHUB_TRIGGERING_ACTOR": "Who runs the job: the journal names them, and their own approval does not count.",
    "GITHUB_ACTOR": "The same.",
    "GITLAB_USER_LOGIN": "The same.",
    "GITLAB_USER_EMAIL": "The same.",
    "BUILDKITE_BUILD_CREATOR_EMAIL": "The same.",
    "GITLAB_CI": "`true`: the job gets the results, as with `--ci gitlab`; `doctor` warns as with `CI`.",
    "JENKINS_URL": "`doctor` warns as with `CI`.",
    "BUILDKITE": "`doctor` warns as with `CI`.",
    "TF_BUILD": "`doctor` warns as with `CI`.",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "Where spans go; without it, or the next one, there are none.",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "The same, for traces alone.",
    "OTEL_SDK_DISABLED": "`true`: no spans.",
    "OTEL_TRACES_EXPORTER": "`none`: no spans.",
    "OTEL_SERVICE_NAME": "The service's name in spans; `campaign-orchestrator` where it is unset.",
}
"""Variables that the tool reads itself."""

BY_LIBRARIES: Final = {
    "HTTPS_PROXY": "The proxy to the platform: [hosts](../how-to/hosts.md#a-proxy).",
    "ALL_PROXY": "The same, where `HTTPS_PROXY` is unset.",
    "NO_PROXY": "Hosts, domains and ranges that are called without the proxy; this machine always is.",
    "TMPDIR": "Where a ledger on a full or read-only disk is copied to be read: [ledger](../how-to/ledger.md).",
    "PGPASSWORD": "The password of a ledger on PostgreSQL; `PGPASSFILE` and the others of libpq work too.",
}
"""Variables that the libraries read: Python, aiohttp and libpq."""

PASSED_ON: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SYSTEMROOT")
"""Variables that a wave's `pass.command` sees."""

GIVEN: Final = {
    "ORCHESTRATOR_LAUNCH": "The launch.",
    "ORCHESTRATOR_RUN": "The run's id.",
    "ORCHESTRATOR_WAVE": "The wave that has just baked.",
}
"""Variables that it is given besides."""

_NAMED: Final = """
`{env: NAME}` reads a credential from any variable: [credentials](../how-to/credentials.md). Nothing else in a
manifest is replaced by a variable.
"""


def environment_sections() -> Iterator[str]:
    """The variables: read by the tool, by its libraries, named in a manifest, and given to a program."""
    yield "## Read by the tool"
    yield _table(READ)
    yield "## Read by its libraries"
    yield _table(BY_LIBRARIES)
    yield "All `OTEL_` variables of the OpenTelemetry SDK work as well."
    yield "## Named in a manifest"
    yield _NAMED
    yield "## Given to a wave's `pass.command`"
    yield _table(GIVEN)
    passed_on = ", ".join(f"`{name}`" for name in PASSED_ON)
    yield f"Besides these it sees {passed_on}, and what `pass.env` names: no credential by itself."


def _table(variables: dict[str, str]) -> str:
    return table(("Variable", "Meaning"), [(f"`{name}`", meaning) for name, meaning in variables.items()])
