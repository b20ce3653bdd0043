"""A real browser for the pages: Chromium, headless, with nothing of anybody's profile and nothing from the network."""

import shutil

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from tests.system.browser import runs

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
)  # fmt: skip


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("no Chromium with its driver here: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with webdriver.Chrome(options=options, service=Service(DRIVER)) as driver:
        driver.set_page_load_timeout(60)
        yield driver


class Page:
    """A report that is open in the browser, and what a person does with it."""

    def __init__(self, driver, path, built):
        self.driver, self.path, self.result = driver, path, built

    def open(self, *, width=1280, height=900, theme="light", media=""):
        self.look(width=width, height=height, theme=theme, media=media)
        self.driver.get("about:blank")
        self.driver.get(self.path.as_uri())
        return self

    def look(self, *, width=1280, height=900, theme="light", media=""):
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": "prefers-color-scheme", "value": theme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def texts(self, selector):
        return self.run("return [...document.querySelectorAll(arguments[0])].map(e => e.textContent.trim())", selector)

    def type(self, text):
        self.one("#search").clear()
        self.one("#search").send_keys(text)

    def press(self, *keys):
        for key in keys:
            self.driver.switch_to.active_element.send_keys(getattr(Keys, key, key))

    def choose(self, selector, value):
        self.one(f'{selector} option[value="{value}"]').click()

    def until(self, condition):
        return WebDriverWait(self.driver, 60, poll_frequency=0.02).until(lambda _: condition())

    def clipboard(self):
        grant = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
        self.driver.execute_cdp_cmd("Browser.grantPermissions", grant)
        script = "navigator.clipboard.readText().then(arguments[0], error => arguments[0](String(error)))"
        return self.driver.execute_async_script(script)

    def complaints(self):
        """What the browser's console holds: errors, warnings and violations of the page's policy."""
        return self.driver.get_log("browser")


@pytest.fixture
def open_page(chromium, tmp_path):
    """Write the report of a script's run and open it."""
    chromium.get_log("browser")

    def opened(script, **how):
        path = tmp_path / "result.html"
        path.write_text(runs.page(script), encoding="utf-8")
        return Page(chromium, path, runs.result(script)).open(**how)

    return opened
