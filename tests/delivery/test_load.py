import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from delivery import load
from delivery.autoscaler import Autoscaler, AutoscalerError
from delivery.process import ROOT, Service, wait_for
from delivery.ramp import Ramp
from delivery.thresholds import problems

# Generous: the machine that runs the tests may be busy.
SHORT = ["--users=4", "--rate=10", "--ramp-seconds=1", "--hold-seconds=4", "--done=0.2"]
CALM = [*SHORT, "--p95=5000", "--p99=5000"]


def address(service: Service) -> str:
    return f"http://127.0.0.1:{service.port}"


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Put a kubectl on PATH that says these numbers of pods in turn; return a kubeconfig's path."""

    def kubectl(counts: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir()
        (folder / "counts").write_text(counts)
        program = folder / "kubectl"
        program.write_text(
            f"#!{sys.executable}\n"
            "import json, pathlib\n"
            "file = pathlib.Path(__file__).with_name('counts')\n"
            "first, *rest = file.read_text().split()\n"
            "file.write_text(' '.join(rest or [first]))\n"
            "status = {'currentReplicas': int(first)}\n"
            "print(json.dumps({'spec': {'maxReplicas': 4}, 'status': status}))\n"
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        return tmp_path / "kubeconfig"

    return kubectl


def test_a_service_that_keeps_its_promises_passes_and_keeps_nothing(
    start: Callable[..., Service],
    kubectl: Callable[[str], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    service = start()
    report = tmp_path / "report"
    watch = ["--kubeconfig", str(kubectl("2 2 3"))]
    assert load.main([address(service), *CALM, *watch, "--report", str(report)]) == 0
    said = capsys.readouterr().out
    assert said.endswith("PASSED\n")
    assert "2 → 3" in said
    assert service.client.get("/v1/notes").json()["items"] == []
    html = (report / "load.html").read_text()
    assert "/v1/notes/{id}" in html
    found = json.loads((report / "load.json").read_text())
    assert (found["passed"], found["problems"]) == (True, [])
    assert {(one["method"], one["name"]) for one in found["operations"]} == {
        ("POST", "/v1/notes"),
        ("GET", "/v1/notes"),
        *((method, "/v1/notes/{id}") for method in ("GET", "PUT", "DELETE")),
    }
    # 4 users, 10 requests a second each, 4.5 s; and each creates and deletes its note.
    assert 36 <= found["total"]["num_requests"] <= 180 + 8 + 12


def test_a_slow_build_and_an_autoscaler_that_does_not_move_fail(
    start: Callable[..., Service],
    build: Callable[..., Path],
    kubectl: Callable[[str], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    slow = build(
        "store.py",
        "            return await self._reads.get(",
        "            import asyncio\n\n            await asyncio.sleep(0.6)\n"
        "            return await self._reads.get(",
    )
    arguments = [address(start(slow)), *SHORT, "--p95=5000", "--p99=500"]
    arguments += ["--kubeconfig", str(kubectl("2")), "--hpa", "web/web"]
    assert load.main([*arguments, "--report", str(tmp_path / "report")]) == 1
    said = capsys.readouterr().out
    assert "FAILED: The time of 99 % of the requests was " in said
    assert "FAILED: The autoscaler web/web did not move: there were 2 pods" in said
    assert "share of requests that failed" not in said
    assert json.loads((tmp_path / "report" / "load.json").read_text())["passed"] is False


def test_a_build_with_errors_fails(
    start: Callable[..., Service],
    build: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken = build("store.py", "        statement = _first_page\n", "        raise RuntimeError\n")
    service = start(broken)
    report = str(tmp_path / "report")
    assert load.main([address(service), *CALM, "--report", report]) == 1
    said = capsys.readouterr().out
    assert "FAILED: The share of requests that failed was " in said
    assert "GET /v1/notes: " in said
    assert "PASSED" not in said


@pytest.mark.parametrize(
    ("file", "stands", "other", "said"),
    [
        ("replies.py", "_encode(value),", 'b"no JSON",', "GET /v1/notes/{id}: "),
        ("replies.py", "_encode(value),", 'b"[]",', "GET /v1/notes/{id}: "),
        ("api.py", "note, 201, location=", "note, 201, place=", "POST /v1/notes: "),
    ],
)
def test_answers_that_are_no_notes_count_as_failures(
    start: Callable[..., Service],
    build: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    file: str,
    stands: str,
    other: str,
    said: str,
) -> None:
    service = start(build(file, stands, other))
    assert load.main([address(service), *CALM, "--report", str(tmp_path / "report")]) == 1
    printed = capsys.readouterr().out
    assert "FAILED: The share of requests that failed was " in printed
    assert said in printed


def test_the_load_ends_with_its_command(start: Callable[..., Service], tmp_path: Path) -> None:
    words = [sys.executable, "-m", "delivery.load", address(start()), *SHORT, "--hold-seconds=600"]
    words += ["--report", str(tmp_path)]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL) as command:
        (locust,) = wait_for(psutil.Process(command.pid).children, 60)
        wait_for(lambda: "Ramping" in (tmp_path / "locust.log").read_text(), 60)
        command.send_signal(signal.SIGKILL)
    wait_for(lambda: not locust.is_running() or locust.status() == psutil.STATUS_ZOMBIE, 60)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "url"),
        (["web.example.com"], "'web.example.com' is no address"),
        (["ftp://web"], "is no address"),
        (["http://127.0.0.1/path"], "is no address"),
        (["http://127.0.0.1", "--users=0"], "'0' must be a whole number from 1"),
        (["http://127.0.0.1", "--users=1.5"], "'1.5' must be a whole number"),
        (["http://127.0.0.1", "--rate=nan"], "'nan' must be a number from"),
        (["http://127.0.0.1", "--ramp-seconds=0"], "'0' must be a number from 1"),
        (["http://127.0.0.1", "--hold-seconds=soon"], "'soon' must be a number"),
        (["http://127.0.0.1", "--error-rate=2"], "'2' must be a number from 0 to 1"),
        (["http://127.0.0.1", "--done=-1"], "must be a number from 0 to 1"),
        (["http://127.0.0.1", "--p95=fast"], "'fast' must be a number"),
        (["http://127.0.0.1", "--p99=-1"], "must be a number"),
        (["http://127.0.0.1", "--processes=0"], "'0' must be a whole number from 1 to 64"),
        (["http://127.0.0.1", "--hpa=web"], "'web' must be NAMESPACE/NAME"),
    ],
)
def test_wrong_usage_is_a_sentence_and_no_load(
    capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        load.main(arguments)
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err


def test_an_address_that_does_not_answer_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert load.main(["http://127.0.0.1:1"]) == 1
    assert "FAILED: http://127.0.0.1:1 was not ready to be loaded" in capsys.readouterr().out


def test_what_the_load_needs_is_asked_for_before_it_begins(
    start: Callable[..., Service],
    kubectl: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    service = start()
    arguments = [address(service), "--kubeconfig", str(kubectl("4")), "--hpa=web/api"]
    assert load.main(arguments) == 2
    assert "The autoscaler web/api is at its most, 4 pods" in capsys.readouterr().out

    monkeypatch.setenv("PATH", "")
    assert load.main(arguments) == 2
    assert "kubectl is not on PATH" in capsys.readouterr().out

    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert load.main(arguments) == 2
    assert "Locust is not there; delivery/requirements.txt has it." in capsys.readouterr().out
    asked = service.metrics().text
    assert 'route="/readyz"' in asked
    assert "/v1/notes" not in asked


@pytest.mark.parametrize(
    ("said", "status"), [("not JSON", 0), ("{}", 0), ("Error from server (NotFound)", 1)]
)
def test_an_autoscaler_that_is_not_there_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, status: int
) -> None:
    program = tmp_path / "kubectl"
    program.write_text(f"#!/bin/sh\necho '{said}' | tee /dev/stderr\nexit {status}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(AutoscalerError, match=r"^The autoscaler web/web can't be read: .+"):
        Autoscaler(tmp_path, "web", "web").read()


def test_a_ramp_climbs_holds_and_ends() -> None:
    ramp = Ramp(users=10, rate=2, ramp_seconds=20, hold_seconds=30)
    assert [ramp.users_at(second) for second in (0, 1, 10, 20, 49.9, 50, 60)] == [
        1,
        1,
        5,
        10,
        10,
        0,
        0,
    ]
    assert ramp.requests == 2 * 10 * (10 + 30)
    assert Ramp.read(ramp.variables()) == ramp


def test_each_threshold_is_missed_by_itself_and_says_so() -> None:
    limits = {"p95": 250, "p99": 500, "error-rate": 0.001, "done": 0.8}
    assert problems(limits, limits) == []
    for name, worse in {"p95": 260, "p99": 510, "error-rate": 0.0011, "done": 0.79}.items():
        (problem,) = problems({**limits, name: worse}, limits)
        assert f"was {worse:g}" in problem
        assert f"{limits[name]:g}" in problem
