from pathlib import Path

import pytest

from service.settings import Settings, SettingsError

URL = "postgresql://app@database/app"


def problems(**environment: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        Settings.read({"DATABASE_URL": URL, **environment})
    return caught.value.problems


def test_only_the_database_has_to_be_told() -> None:
    settings = Settings.read({"DATABASE_URL": URL, "UNKNOWN": "x"})
    assert (settings.port, settings.database_password_file) == (7777, None)
    with pytest.raises(SettingsError, match=r"^DATABASE_URL is not set; it must be .*\.$"):
        Settings.read({})


def test_every_value_is_read() -> None:
    settings = Settings.read(
        {
            "DATABASE_URL": URL,
            "PORT": "1",
            "HOST": "::1",
            "DRAIN_SECONDS": "7",
            "BODY_SECONDS": "1.5",
        }
    )
    assert (settings.port, settings.host, settings.drain_seconds) == (1, "::1", 7)
    assert settings.body_seconds == 1.5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", ""),
        ("PORT", "70000"),
        ("PORT", "-1"),
        ("PORT", "\u0663"),
        ("HOST", ""),
        ("LOG_LEVEL", "INFO"),
        ("DATABASE_POOL_SIZE", "0"),
        ("DATABASE_CONNECT_SECONDS", "nan"),
        ("DATABASE_CONNECT_SECONDS", "inf"),
        ("DATABASE_CONNECT_SECONDS", "soon"),
        ("DEREGISTRATION_SECONDS", "-1"),
    ],
)
def test_a_wrong_value_is_a_sentence_that_names_it(name: str, value: str) -> None:
    (problem,) = problems(**{name: value})
    assert problem.startswith(f"{name} is {value!r}; it must be ")
    assert problem.endswith(".")


def test_all_problems_are_told_at_once() -> None:
    assert len(problems(PORT="x", LOG_LEVEL="x")) == 2


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://app:s3cret@/app",
        "s3cret",
        "postgresql://app:s3cret@a,b/app",
        "postgresql://app:s3cret@a,b/app?target_session_attrs=any",
    ],
)
def test_a_connection_string_that_cannot_work_is_refused_unseen(url: str) -> None:
    (problem,) = problems(DATABASE_URL=url)
    assert problem.startswith("DATABASE_URL is wrong; it must be ")
    assert "s3cret" not in problem


def test_several_hosts_need_the_one_that_writes() -> None:
    url = "postgresql://app@a:1,b:2/app?target_session_attrs=read-write"
    assert Settings.read({"DATABASE_URL": url}).conninfo()["host"] == "a,b"


def test_the_password_is_read_anew_each_time(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("first\n")
    settings = Settings.read({"DATABASE_URL": URL, "DATABASE_PASSWORD_FILE": str(secret)})
    assert settings.conninfo()["password"] == "first"
    secret.write_text("second")
    assert settings.conninfo()["password"] == "second"
    assert "first" not in repr(settings)


def test_a_secret_file_that_is_no_text_is_refused_unseen(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_bytes(b"s3cret\xff")
    (problem,) = problems(DATABASE_PASSWORD_FILE=str(path))
    assert problem == f"DATABASE_PASSWORD_FILE is '{path}'; it must be a file of UTF-8 text."


@pytest.mark.parametrize("content", [None, "", " \n", "a\0b"])
def test_a_secret_file_without_a_secret_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "password"
    if content is not None:
        path.write_text(content)
    (problem,) = problems(DATABASE_PASSWORD_FILE=str(path))
    assert problem.startswith(f"DATABASE_PASSWORD_FILE is '{path}'; it must be a ")
