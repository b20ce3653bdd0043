"""A pooler as some are set up: it passes bytes on, and drops settings that a client asks for when it connects."""

import contextlib
import re
import socket
import struct
import threading

import sqlalchemy as sa

_ASKS_FOR_ENCRYPTION = {80877103, 80877104}


class Pooler:
    """Listens on the loopback. `dropped` are the settings that get lost on the way."""

    def __init__(self, url, *dropped):
        parsed = sa.make_url(url)
        self._server = (parsed.host, parsed.port)
        self.dropped = dropped
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = parsed.set(host="127.0.0.1", port=self._listener.getsockname()[1]).render_as_string()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client):
        with contextlib.suppress(OSError, ConnectionError), client, socket.create_connection(self._server) as server:
            server.sendall(self._begin(client))
            back = threading.Thread(target=_pass_on, args=[server, client], daemon=True)
            back.start()
            _pass_on(client, server)

    def _begin(self, client):
        """The client's first message, without the settings that are dropped."""
        while True:
            (size,) = struct.unpack("!i", _exactly(client, 4))
            body = _exactly(client, size - 4)
            (code,) = struct.unpack("!i", body[:4])
            if code not in _ASKS_FOR_ENCRYPTION:
                break
            client.sendall(b"N")
        words = body[4:].split(b"\0")
        at = words.index(b"options") + 1
        words[at] = re.sub(rb"-c\s*(\w+)=\S+", self._kept, words[at])
        body = body[:4] + b"\0".join(words)
        return struct.pack("!i", len(body) + 4) + body

    def _kept(self, setting):
        return b"" if setting[1].decode() in self.dropped else setting[0]


def _exactly(connection, size):
    data = b""
    while len(data) < size:
        if not (more := connection.recv(size - len(data))):
            raise ConnectionError("the client has gone")
        data += more
    return data


def _pass_on(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
