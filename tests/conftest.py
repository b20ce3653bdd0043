import os
import signal

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests import postgres

# Programs that tests start run on the loop every user has; tests/cli/test_event_loop.py also runs them on uvloop.
os.environ["ORCHESTRATOR_LOOP"] = "asyncio"

# Behind nohup, or in a shell's background, these are ignored; the programs that tests start would inherit that.
for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)

# On a crowded machine an example may take any time: by default, one that takes a fifth of a second has failed.
settings.register_profile("patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# A mutant is to be noticed, not explained: the same examples each time, and no search for a smaller one.
settings.register_profile(
    "mutate", settings(), phases=[Phase.explicit, Phase.generate], derandomize=True, database=None
)


# Tests that share something costly: each file of these goes to one of several workers as a whole.
COSTLY = {"test_bugs.py", "test_examples.py", "test_readme.py", "test_release.py", "test_pages.py", "test_ledger.py"}


# The most seconds that a test may take: many times what it takes where twenty others want the same two cores.
LONGEST = 300
LONGEST_OF = {"test_bugs.py": 1200, "test_seeds.py": 1200, "test_kill.py": 1200, "test_forced_exceptions.py": 1200,
              "test_errors_after_a_permit.py": 1200, "test_pages.py": 1200}  # fmt: skip
LONGEST_SOAK = 4 * 3600


def longest(item):
    if item.get_closest_marker("soak"):
        return LONGEST_SOAK
    return LONGEST_OF.get(item.path.name, LONGEST)


def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.timeout(longest(item)))
        if item.path.name in COSTLY:
            item.add_marker(pytest.mark.xdist_group(item.path.name))


def pytest_report_header():
    return f"postgresql: {postgres.origin()}"


@pytest.fixture(scope="session")
def postgres_server():
    try:
        server = postgres.shared_server()
    except postgres.NoPostgresError as error:
        pytest.skip(str(error))
    yield server
    server.close()


@pytest.fixture
def postgres_url(postgres_server):
    """The address of an empty ledger's place: a schema of its own."""
    url = postgres.fresh(postgres_server.url)
    yield url
    postgres.drop(url)
