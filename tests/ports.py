"""Ports of the loopback on which nobody listens."""

import contextlib
import random
import socket

# The system gives a program that asks for any port one above these: a free one of those may be taken a moment later.
# In an order of this process's own, whatever seed a test has set: another process draws others, and none comes twice.
_PORTS = iter(random.SystemRandom().sample(range(20_000, 32_000), 12_000))


def free_port():
    """A port on which nobody listens, nor begins to by chance."""
    for port in _PORTS:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("every port is taken")
