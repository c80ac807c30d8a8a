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


def _volume(policy: str) -> dict[str, Any]:
    claim = {"namespace": "velero", "name": "moving"}
    spec = {"csi": {}, "claimRef": claim, "persistentVolumeReclaimPolicy": policy}
    return {"metadata": {"name": "pvc-1"}, "spec": spec}


@pytest.mark.usefixtures("clock")
def test_a_volume_of_any_namespace_is_waited_for_and_named_with_its_claim() -> None:
    api: Any = Namespaces([], volumes=[_volume("Delete")])
    said = cleanup.wait(api, ["web"], deadline=10)
    assert said.endswith("PersistentVolume pvc-1 of the claim velero/moving")
    api = Namespaces([], volumes=[_volume("Retain")])
    assert cleanup.wait(api, ["web"], deadline=10) == ""


@pytest.mark.usefixtures("clock")
def test_volumes_that_nobody_may_see_are_not_taken_for_gone() -> None:
    api: Any = Namespaces([], volumes=GONE)
    assert "can't be asked: HTTP Error 403" in cleanup.wait(api, ["web"], deadline=10)
