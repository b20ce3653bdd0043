from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.paths import ROOT
from tests.system.docs.page import PAGES, play


@pytest.fixture(scope="session")
def printed(tmp_path_factory):
    """What the commands of a page print. Pages are played side by side: they wait more than they work."""
    with ThreadPoolExecutor(4) as pool:
        texts = {page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES}
        playing = {page: pool.submit(play, text, tmp_path_factory.mktemp("page")) for page, text in texts.items()}
        yield lambda page: playing[page].result()
