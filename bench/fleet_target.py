"""A platform that costs next to nothing: nginx, which accepts every start and writes down when it came.

The sandbox is Python, like a worker: two workers against it are measured against its one core.
"""

import shutil
import socket
import subprocess
from pathlib import Path

_CONFIG = """
daemon off; worker_processes 1; pid {place}/nginx.pid; error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
    log_format times "$msec $request_uri";
    access_log {place}/calls.log times buffer=64k flush=1s;
    client_body_temp_path {place}/body; proxy_temp_path {place}/p; fastcgi_temp_path {place}/f;
    uwsgi_temp_path {place}/u; scgi_temp_path {place}/s;
    keepalive_requests 1000000; default_type application/json;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location /campaign/ {{
            return 200 '{{"status":"Active","message":"Campaign Started","updatedAt":"2026-01-05T10:00:00.000Z"}}';
        }}
        location ~ ^/agentassist/.*/campaign/([^/]+)/status$ {{
            return 200 '{{"status":"success","data":{{"id":"$1","status":"Ready"}}}}';
        }}
    }}
}}
"""


class Target:
    """One nginx, started. `url` is its address."""

    def __init__(self, place: Path) -> None:
        program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        if program is None:
            raise SystemExit("bench/fleet.py speed needs nginx (Debian: apt-get install nginx-light)")
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._log = place / "calls.log"
        (place / "nginx.conf").write_text(_CONFIG.format(place=place, port=port), encoding="utf-8")
        self.process = subprocess.Popen([program, "-e", "stderr", "-c", place / "nginx.conf", "-p", place])  # noqa: S603 - our own file

    def starts(self) -> dict[str, list[float]]:
        """By campaign, when its starts came. Ends the server, which then writes out what it has kept back."""
        self.process.terminate()
        self.process.wait(10)
        found: dict[str, list[float]] = {}
        for line in self._log.read_text(encoding="utf-8").splitlines():
            at, path = line.split(" ", 1)
            if "trigger=play" in path:
                found.setdefault(path, []).append(float(at))
        return found

    def close(self) -> None:
        """End it. Its worker would outlive a kill."""
        self.process.terminate()
        self.process.wait(10)
