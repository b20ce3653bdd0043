"""Hosts apart: network namespaces, each with a cable to the servers that can be pulled."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

SERVERS = "10.77.0.1"  # where PostgreSQL and the platform listen, in a namespace of their own


class NotAllowedError(Exception):
    """This machine does not let us make network namespaces."""


def run(*command, check=True):
    return subprocess.run(command, check=check, capture_output=True, text=True)


class Network:
    """A namespace for the servers and one for each host."""

    def __init__(self, hosts):
        self._name = f"orch-{os.getpid()}"
        self.hosts = [f"{self._name}-h{number}" for number in range(hosts)]
        self.servers = f"{self._name}-srv"
        try:
            self._build()
        except (OSError, subprocess.CalledProcessError) as error:
            self.close()
            raise NotAllowedError(getattr(error, "stderr", "") or str(error)) from error

    def _build(self):
        for name in (self.servers, *self.hosts):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", self.servers, "address", "add", f"{SERVERS}/32", "dev", "lo")
        for number, host in enumerate(self.hosts, 1):
            run("ip", "-n", self.servers, "link", "add", f"to{number}", "type", "veth", "peer", "name", "up0",
                "netns", host)  # fmt: skip
            run("ip", "-n", self.servers, "address", "add", f"10.77.{number}.1/24", "dev", f"to{number}")
            run("ip", "-n", host, "address", "add", f"10.77.{number}.2/24", "dev", "up0")
            run("ip", "-n", self.servers, "link", "set", f"to{number}", "up")
            run("ip", "-n", host, "link", "set", "up0", "up")
            run("ip", "-n", host, "route", "add", "default", "via", f"10.77.{number}.1")

    def prefix(self, host):
        """What a command must begin with to run there."""
        return ("ip", "netns", "exec", host)

    def cut(self, number):
        """Pull a host's cable: nothing is refused, nothing is answered."""
        run("ip", "-n", self.servers, "link", "set", f"to{number + 1}", "down")

    def mend(self, number):
        run("ip", "-n", self.servers, "link", "set", f"to{number + 1}", "up")

    def close(self):
        for name in (*self.hosts, self.servers):
            with contextlib.suppress(OSError):
                run("ip", "netns", "delete", name, check=False)


RELAY = [sys.executable, str(Path(__file__).with_name("relay.py"))]
