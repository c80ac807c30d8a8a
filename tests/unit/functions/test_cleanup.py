"""What is waited for before a cluster goes."""

import time
import urllib.error
from typing import Any

import pytest

from mindforce.functions.rollout import cleanup
from tests.unit.functions.kubernetes import GONE, INGRESS, Namespaces


@pytest.mark.usefixtures("clock")
def test_a_clean_up_waits_until_no_ingress_is_left() -> None:
    api: Any = Namespaces([INGRESS], urllib.error.URLError("down"), [INGRESS], [])
    assert cleanup.wait(api, ["web"], deadline=100) == ""
    assert time.monotonic() == 3 * cleanup.POLL_SECONDS


@pytest.mark.usefixtures("clock")
def test_a_clean_up_names_what_is_left_and_what_that_waits_for() -> None:
    api: Any = Namespaces([INGRESS])
    said = cleanup.wait(api, ["web"], deadline=10)
    assert "Ingress web/web (deleted, waits for ingress.k8s.aws/resources)" in said


@pytest.mark.usefixtures("clock")
def test_a_namespace_that_is_gone_is_clean() -> None:
    assert cleanup.wait(Namespaces(GONE), ["web"], deadline=10) == ""  # type: ignore[arg-type]


@pytest.mark.usefixtures("clock")
def test_only_services_with_a_load_balancer_are_waited_for() -> None:
    metadata = {"name": "web", "namespace": "web"}
    inside = {"metadata": metadata, "spec": {"type": "ClusterIP"}}
    outside = {"metadata": metadata, "spec": {"type": "LoadBalancer"}}
    api: Any = Namespaces([], services=[inside])
    assert cleanup.wait(api, ["web"], deadline=10) == ""
    api = Namespaces([], services=[inside, outside])
    assert cleanup.wait(api, ["web"], deadline=10).endswith("Service web/web")
