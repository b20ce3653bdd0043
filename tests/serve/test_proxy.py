"""What the how-to and deploy/ say, tried: nginx in front of the server, and the unit's command line."""

import asyncio
import base64
import contextlib
import os
import re
import shlex
import shutil
import ssl
from configparser import ConfigParser

import aiohttp
import click
import pytest
import trustme

from orchestrator.cli import main
from tests.paths import ROOT
from tests.ports import free_port
from tests.serve.conftest import write
from tests.system.browser import runs

UNIT = ROOT / "deploy" / "orchestrator-serve.service"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
TOKEN = "a-token-of-enough-characters"


def config(folder, url, port):
    """The how-to's server block, with this machine's ports and files."""
    page = (ROOT / "docs" / "how-to" / "serve.md").read_text(encoding="utf-8")
    block = re.search(r"```nginx\n(.*?)```", page, re.DOTALL)[1]
    block = block.replace("/etc/nginx", str(folder)).replace("http://127.0.0.1:8787", url.rstrip("/"))
    block = block.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
    temporary = "".join(
        f"{one}_temp_path {folder}/{one};" for one in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root root;" if os.geteuid() == 0 else ""  # its workers must reach the tests' folder
    head = f"{user} daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}"
    return f"{head} http {{ access_log off; {temporary}\n{block} }}"


@pytest.mark.skipif(NGINX is None, reason="nginx is not here")
async def test_behind_nginx_the_pages_are_live_and_closed(serve, url, tmp_path_factory):
    folder, authority = tmp_path_factory.mktemp("nginx"), trustme.CA()
    certificate = authority.issue_cert("launches.example.com")
    certificate.private_key_pem.write_to_path(folder / "launches.key")
    for number, part in enumerate(certificate.cert_chain_pems):
        part.write_to_path(folder / "launches.pem", append=number > 0)
    (folder / "launches.htpasswd").write_text("ann:{PLAIN}secret-of-ann\n", encoding="utf-8")
    (folder / "launches-token.conf").write_text(f'proxy_set_header Authorization "Bearer {TOKEN}";', encoding="utf-8")
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    write(url, runs.records(runs.bad_day()))
    port = free_port()
    ann = {"Authorization": "Basic " + base64.b64encode(b"ann:secret-of-ann").decode()}
    async with serve(url, token=TOKEN, hosts=["launches.example.com"]) as served:
        (folder / "nginx.conf").write_text(config(folder, served.url, port), encoding="utf-8")
        nginx = await asyncio.create_subprocess_exec(NGINX, "-e", folder / "error.log", "-c", folder / "nginx.conf")
        try:
            options = {"ssl": trusted, "server_hostname": "launches.example.com"}
            address = f"https://127.0.0.1:{port}"
            host = {"Host": "launches.example.com"}

            async def get(path, headers):
                async with asyncio.timeout(20):
                    while True:
                        with contextlib.suppress(aiohttp.ClientConnectorError):  # nginx is on its way
                            return await served.session.get(address + path, headers={**host, **headers}, **options)

            assert (await get("/", {})).status == 401
            page = await get("/", ann)
            assert page.status == 200
            async with await get("/events", ann) as events:
                assert await events.content.readline() == b"retry: 1000\n"
        finally:
            nginx.terminate()
            await nginx.wait()


def test_the_units_command_line_is_one_of_ours():
    parser = ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read(UNIT, encoding="utf-8")
    python, *words = shlex.split(parser["Service"]["ExecStart"])
    command = main.get_command(click.Context(main), words[2])

    assert python.endswith("/bin/python")
    assert words[:3] == ["-m", "orchestrator", "serve"]
    found = command.make_context("serve", words[3:]).params
    assert (found["hosts"], found["token_env"]) == (("launches.example.com",), "ORCHESTRATOR_SERVE_TOKEN")
    assert parser["Service"]["SuccessExitStatus"] == "143"
