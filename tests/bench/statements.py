"""What a request asks of PostgreSQL, as PostgreSQL logs it, and the plans it makes for it."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass

from config import embedded, processes
from tests.bench.ground import Ground, Server
from tests.bench.report import Row

_PLANNED = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")


@dataclass(frozen=True, slots=True)
class Hot:
    """A request whose statements count; ``again`` is one like it, for a warm connection."""

    name: str
    schema: str
    first: bytes
    again: bytes
    command: Sequence[str] = processes.WEB[1:]


def ask(server: Server, request: bytes) -> str:
    """Send one request; its answer, which must not be a refusal."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as link:
        link.sendall(request)
        parts = []
        while part := link.recv(65_536):  # a sync worker closes when it has answered
            parts.append(part)
    answer = b"".join(parts).decode("utf-8", "replace")
    if answer.split(" ", 2)[1] >= "4":
        raise RuntimeError(answer[:500])
    return answer


def statements(ground: Ground, hot: Hot) -> list[str]:
    """Of ``hot.again``, on the connection that has already served ``hot.first``."""
    with ground.logged() as told, ground.serve(hot.command, WEB_PROCESSES="1") as server:
        ask(server, hot.first)
        ask(server, hot.again)
    began = [at for at, one in enumerate(told) if "public.shops_domain" in one]
    return told[began[-1] :]  # the host is looked up first


def counted(ground: Ground, hot: Hot, at_most: int) -> Row:
    """The row of the table: BEGIN, COMMIT and every SET count."""
    told = statements(ground, hot)
    reached = len(told) <= at_most
    return Row(f"{hot.name}: statements", f"≤ {at_most}", str(len(told)), reached, {"said": told})


def explain(ground: Ground, hot: Hot) -> str:
    """Each statement with the plan that the application's role gets for it in the shop."""
    lines = [f"\n=== {hot.name} ==="]
    with ground.admin() as connection:
        connection.execute(f"SET ROLE {embedded.APP}")
        connection.execute("SELECT set_config('search_path', %s, false)", [f"{hot.schema}, public"])
        for number, statement in enumerate(statements(ground, hot), 1):
            lines.append(f"\n{number}. {statement}")
            alone = statement.removeprefix("BEGIN;").strip().removesuffix("; COMMIT")
            if alone.split()[0] in _PLANNED:
                plan = connection.execute(f"EXPLAIN {alone}".encode()).fetchall()
                lines += [f"     {line}" for (line,) in plan]
    return "\n".join(lines)
