"""127.0.0.1:PORT -> ADDRESS:PORT, for plain http is allowed on the loopback only. Prints a line when it listens."""

import asyncio
import contextlib
import socket
import sys


async def pipe(reader, writer):
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def main(address, port):
    async def connected(reader, writer):
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(address, port)
            # As on the client's own socket, if it reached that far: what cannot be delivered in its time is forgotten.
            far = far_writer.get_extra_info("socket")
            far.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 2000)
            await asyncio.gather(pipe(reader, far_writer), pipe(far_reader, writer))
        writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", port):
        sys.stdout.write("listening\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
