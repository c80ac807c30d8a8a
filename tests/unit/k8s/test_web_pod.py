"""What the web chart's probes make of a pod that is slow, lost or about to go."""

from typing import Any

import pytest

from tests.synthesis import Synthesis, manifests

Probe = dict[str, Any]


@pytest.fixture(scope="module")
def container(synthesis: Synthesis) -> dict[str, Any]:
    found = manifests(synthesis.template("dev", "Workloads"))
    (web,) = (o for o in found if (o["kind"], o["metadata"]["name"]) == ("Deployment", "web"))
    (only,) = web["spec"]["template"]["spec"]["containers"]
    return dict(only)


def _seconds(probe: Probe) -> int:
    """Return how long a probe goes unanswered before something follows."""
    return int(
        probe.get("initialDelaySeconds", 0) + probe["periodSeconds"] * probe["failureThreshold"]
    )


def test_a_start_may_take_a_minute(container: dict[str, Any]) -> None:
    """The others ask only after it has been answered once."""
    assert _seconds(container["startupProbe"]) == 60
    assert container["startupProbe"]["periodSeconds"] == 1, "a quick start is seen late"


def test_a_pod_that_answers_no_more_serves_none_before_it_is_restarted(
    container: dict[str, Any],
) -> None:
    out, again = _seconds(container["readinessProbe"]), _seconds(container["livenessProbe"])
    assert out <= 10 < again <= 30


def test_no_probe_fails_by_one_answer_alone(container: dict[str, Any]) -> None:
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        probe = container[name]
        assert probe["failureThreshold"] > 1, name
        assert probe["timeoutSeconds"] > 1, "a busy moment is no failure"


def test_probes_ask_where_requests_go(container: dict[str, Any]) -> None:
    (port,) = (p for p in container["ports"] if p["containerPort"] == 7777)
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[name]["httpGet"]["port"] == port["name"], name
