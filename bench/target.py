"""The server that starts are sent to: nginx, so that it is not what is measured. It says `Active` to everything."""

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_CONFIG = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 4096; }}
http {{
  log_format counted '$msec $uri $connections_active';
  access_log {log};
  keepalive_requests 10000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      default_type application/json;
      return 200 '{{"status":"Active","id":"cd-0","updatedAt":"2026-03-02T15:00:00.000Z"}}';
    }}
  }}
}}
"""


class NoTargetError(Exception):
    """nginx is not there: `apt-get install nginx-light`."""


@contextlib.contextmanager
def target(log: Path | None = None) -> Iterator[str]:
    """A running server's address. `log` gets a line per request: POSIX seconds, the path, and open connections."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        raise NoTargetError("nginx is not there: apt-get install nginx-light")
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), _free_port()
        wanted = f"{log} counted" if log is not None else "off"
        config = folder / "nginx.conf"
        config.write_text(_CONFIG.format(folder=folder, port=port, log=wanted), encoding="utf-8")
        with subprocess.Popen([nginx, "-e", folder / "error.log", "-c", config]) as server:  # noqa: S603 - our own
            try:
                _wait_for(port)
                yield f"http://127.0.0.1:{port}"
            finally:
                server.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise NoTargetError("nginx does not answer")
