import pytest

from orchestrator.core.manifest.links import console_link
from orchestrator.core.manifest.parse import parse
from tests.core.builders import manifest

HOST_AND_PATH = "must be a host and a path, without a user name, spaces, quotes or single braces"
CONSOLE = "https://console.example.com:8443/a/{account_id}?s={stream}#{campaign}"


def test_a_campaigns_page_is_its_ids_filled_in_and_encoded():
    links = manifest({"campaign": "cd-1"}, links={"console": CONSOLE}).links
    address = links.console_of("67/77 c")

    assert address == "https://console.example.com:8443/a/67%2F77%20c?s={stream}#{campaign}"
    assert console_link(address, "st&x=1", "cd#é") == (
        "https://console.example.com:8443/a/67%2F77%20c?s=st%26x%3D1#cd%23%C3%A9"
    )
    assert manifest({"campaign": "cd-1"}).links.console_of("1") == ""


@pytest.mark.parametrize(
    ("console", "words"),
    [
        ("http://console.example.com/{stream}", "must be an address that begins with https://"),
        ("javascript:alert(1)", "must be an address that begins with https://"),
        (7, "must be an address that begins with https://"),
        ("https://console.example.com/{client_secret}", "has an unknown placeholder"),
        ("https://console.example.com/{}", "has an unknown placeholder"),
        ("https://{stream}.example.com/", HOST_AND_PATH),
        ("https://console.example.com{stream}/", HOST_AND_PATH),
        ("https://ann:pw@console.example.com/", HOST_AND_PATH),
        ("https://console.example.com/{stream", HOST_AND_PATH),
        ("https://console.example.com/a b", HOST_AND_PATH),
        ('https://console.example.com/"onclick=', HOST_AND_PATH),
        ("https://console.example.com/x\n", HOST_AND_PATH),
    ],
)
def test_an_address_that_could_lead_astray_is_refused(console, words):
    raw = {"version": 1, "launch": "x", "host": "sandbox", "accounts": {"a": {"account_id": "1"}},
           "defaults": {"account": "a"}, "campaigns": [{"stream": "s", "campaign": "c"}]}  # fmt: skip
    _, issues = parse({**raw, "links": {"console": console}})

    assert [issue.path for issue in issues] == [("links", "console")]
    assert issues[0].message == words
    assert issues[0].hint == (
        "there are {account_id}, {stream}, {campaign}"
        if "placeholder" in words
        else "write it as https://console.example.com/{account_id}/{stream}/{campaign}"
    )


@pytest.mark.parametrize("serve", ["https://launches.example.com", "http://localhost:8080/a/b", "https://a.example/"])
def test_a_notice_leads_to_the_page_of_its_launch(serve):
    links = manifest({"campaign": "cd-1"}, links={"serve": serve}).links

    assert links.serve_page("spring") == f"{serve.removesuffix('/')}/launches/spring"
    assert manifest({"campaign": "cd-1"}).links.serve_page("spring") is None


@pytest.mark.parametrize("serve", ["ftp://a.example", "https://ann:pw@a.example", "https://a.example/?x=1", 7])
def test_an_address_of_serve_is_a_host_and_a_path(serve):
    raw = {"version": 1, "launch": "x", "host": "sandbox", "accounts": {"a": {"account_id": "1"}},
           "campaigns": [{"account": "a", "stream": "s", "campaign": "c"}]}  # fmt: skip
    ((path, message, hint),) = [(i.path, i.message, i.hint) for i in parse({**raw, "links": {"serve": serve}})[1]]

    assert path == ("links", "serve")
    assert message == "must be a host and a path, without a user name or a query"
    assert hint == "write it as https://launches.example.com"
