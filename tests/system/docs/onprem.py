"""An on-prem host for the pages: TLS with a certificate of a company's own CA, and the company's proxy."""

import asyncio
import contextlib
import datetime as dt
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = dt.timedelta(days=1)
PEM = serialization.Encoding.PEM
CA_USAGE = x509.KeyUsage(
    digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
    key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
)  # fmt: skip


def certificates(folder):
    """Writes `company-ca.pem`, and `host.pem` for localhost and kore.example.com with its key."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = _certificate("Company CA", ca_key, ca_key, [(CA_USAGE, True)])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.DNSName("kore.example.com")])
    host = _certificate("localhost", key, ca_key, [(names, False)])
    (folder / "company-ca.pem").write_bytes(ca.public_bytes(PEM))
    private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "host.pem").write_bytes(host.public_bytes(PEM) + private)


def _certificate(name, key, ca_key, more):
    subject, issuer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, n)]) for n in (name, "Company CA"))
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(
        issuer, subject, key.public_key(), x509.random_serial_number(), now - DAY, now + DAY
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=key is ca_key, path_length=None), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    for extension, is_critical in [(authority, False), *more]:
        builder = builder.add_extension(extension, critical=is_critical)
    return builder.sign(ca_key, hashes.SHA256())


@contextlib.contextmanager
def served(folder, host_port, proxy_port, sandbox_port):
    """The host and the proxy, until the end of the block. What the proxy was asked for goes to `proxy.log`."""
    certificates(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "host.pem")
    ready, over, loop = threading.Event(), asyncio.Event(), asyncio.new_event_loop()

    async def serve():
        async def host(reader, writer):
            await _relay(reader, writer, "127.0.0.1", sandbox_port)

        async def proxy(reader, writer):
            line = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0].decode()
            with (folder / "proxy.log").open("a", encoding="utf-8") as log:
                log.write(f"{line}\n")
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await _relay(reader, writer, "localhost", host_port)

        async with (
            await asyncio.start_server(host, "localhost", host_port, ssl=context),
            await asyncio.start_server(proxy, "127.0.0.1", proxy_port),
        ):
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(30)
        yield
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


async def _relay(reader, writer, host, port):
    to_reader, to_writer = await asyncio.open_connection(host, port)
    await asyncio.gather(_pump(reader, to_writer), _pump(to_reader, writer))


async def _pump(reader, writer):
    with contextlib.suppress(OSError, ssl.SSLError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
