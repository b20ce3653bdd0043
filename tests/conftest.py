import pytest

from tests import postgres


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
