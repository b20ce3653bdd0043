"""What the kernel may still do with a call that the client has given up."""

import socket

import pytest

from orchestrator.kore.connection_pool import ConnectionPool


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="this system has no such option")
async def test_what_cannot_be_delivered_in_a_calls_time_is_forgotten():
    """Else a start that was lost on a cut cable would arrive when it is repaired, minutes after it counted as over."""
    pool = ConnectionPool(1)
    connector = pool.open(2.5)
    address = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", 80))
    with connector._socket_factory(address) as made:
        assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 2500
    await pool.close(2.5)
