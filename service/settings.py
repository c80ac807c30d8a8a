"""What the service is told from outside, checked before it does anything."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from service.values import number, whole

_LEVELS = ("debug", "info", "warning", "error")


class SettingsError(ValueError):
    """The environment does not make a service; one sentence a line."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that differs between places; each field is the variable of its name in capitals.

    `database_url` is libpq's connection string; `database_password_file` is read at every connect,
    so that a rotated password needs no restart. One more connection than `database_pool_size` asks
    whether the database is ready. Seconds are wall-clock.
    """

    database_url: str
    database_password_file: Path | None = None
    database_pool_size: int = 10
    database_pool_wait_seconds: float = 2.0
    database_connect_seconds: float = 3.0
    database_statement_seconds: float = 5.0
    host: str = "0.0.0.0"
    port: int = 7777
    # OpenTelemetry's default for what Prometheus scrapes.
    metrics_port: int = 9464
    max_connections: int = 1000
    max_body_bytes: int = 64 * 1024
    # Of answers that slow clients have not taken yet; a page of notes has up to 2.5 MB.
    max_unsent_bytes: int = 16 * 1024 * 1024
    header_seconds: float = 10.0
    body_seconds: float = 10.0
    write_seconds: float = 20.0
    # Longer than a load balancer's 60, or it would send a request into a closing connection.
    keep_alive_seconds: int = 75
    deregistration_seconds: float = 20.0
    drain_seconds: int = 30
    log_level: str = "info"

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """Return the settings of `environment`. Raises SettingsError with every problem in it."""
        problems: list[str] = []
        values: dict[str, object] = {}
        for field in fields(cls):
            name = field.name.upper()
            if name not in environment:
                if field.name == "database_url":
                    problems.append(
                        "DATABASE_URL is not set; it must be a PostgreSQL connection string such "
                        "as 'postgresql://app@database:5432/app'."
                    )
                continue
            try:
                values[field.name] = _PARSERS[field.name](environment[name])
            except ValueError as error:
                # A connection string may hold a password.
                shown = "" if field.name == "database_url" else f" is {environment[name]!r}"
                problems.append(f"{name}{shown or ' is wrong'}; it must be {error}.")
        if problems:
            raise SettingsError(problems)
        return cls(**values)  # type: ignore[arg-type] # each value came from its field's parser

    def conninfo(self, options: str = "") -> dict[str, str]:
        """Return libpq's parameters, with the password as the mounted file holds it now.

        `options` are the server's, and come after those of the connection string. Raises
        psycopg.OperationalError while the file holds no password: there is no connection then.
        """
        given = {key: str(value) for key, value in conninfo_to_dict(self.database_url).items()}
        given["options"] = f"{given.get('options', '')} {options}".strip()
        if self.database_password_file is not None:
            try:
                given["password"] = _secret(self.database_password_file)
            except ValueError as error:
                path = self.database_password_file
                raise psycopg.OperationalError(f"{path} is no longer {error}") from None
        return given


def _connection_string(text: str) -> str:
    try:
        given = conninfo_to_dict(text)
    except psycopg.ProgrammingError:
        raise ValueError("a PostgreSQL connection string") from None
    if not given.get("host"):
        raise ValueError("a connection string that names a host")
    if "," in str(given["host"]) and given.get("target_session_attrs") != "read-write":
        raise ValueError(
            "a connection string with target_session_attrs=read-write, because it names several "
            "hosts and only one of them takes writes"
        )
    return text


def _secret_file(text: str) -> Path:
    path = Path(text)
    _secret(path)
    return path


def _secret(path: Path) -> str:
    try:
        secret = path.read_text().strip()
    except OSError as error:
        raise ValueError(f"a readable file ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ValueError("a file of UTF-8 text") from None
    if not secret or "\0" in secret:
        raise ValueError("a file that holds a password")
    return secret


def _seconds(least: float, most: float) -> Callable[[str], float]:
    return number(least, most, "a number of seconds")


def _level(text: str) -> str:
    if text not in _LEVELS:
        raise ValueError(f"one of {', '.join(_LEVELS)}")
    return text


def _address(text: str) -> str:
    if not text:
        raise ValueError("an address to listen on")
    return text


_PARSERS: Mapping[str, Callable[[str], object]] = {
    "database_url": _connection_string,
    "database_password_file": _secret_file,
    "database_pool_size": whole(1, 100),
    "database_pool_wait_seconds": _seconds(0.1, 30),
    "database_connect_seconds": _seconds(0.1, 30),
    "database_statement_seconds": _seconds(0.1, 60),
    "host": _address,
    "port": whole(0, 65535),
    "metrics_port": whole(0, 65535),
    "max_connections": whole(1, 100_000),
    "max_body_bytes": whole(1024, 10 * 1024 * 1024),
    "max_unsent_bytes": whole(4 * 1024 * 1024, 1024 * 1024 * 1024),
    "header_seconds": _seconds(0.1, 60),
    "body_seconds": _seconds(0.1, 300),
    "write_seconds": _seconds(0.1, 300),
    "keep_alive_seconds": whole(1, 600),
    "deregistration_seconds": _seconds(0, 300),
    "drain_seconds": whole(1, 300),
    "log_level": _level,
}
