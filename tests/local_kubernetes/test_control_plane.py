"""The API server as users of the cluster meet it."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request

import pytest

from local.kubernetes.control_plane import ControlPlane, ControlPlaneError
from tests.local_kubernetes.support import Namespace, pod_template


def test_reports_the_pinned_version(control_plane: ControlPlane) -> None:
    version = json.loads(control_plane.kubectl("version", "--output=json"))["serverVersion"]
    assert (version["major"], version["minor"]) == ("1", "35")
    assert version["gitVersion"].startswith("v1.35.")


def test_anonymous_callers_see_health_only(control_plane: ControlPlane) -> None:
    authority = control_plane.certificate_authority.decode()
    context = ssl.create_default_context(cadata=authority)

    def ask(path: str) -> int:
        try:
            with urllib.request.urlopen(
                f"{control_plane.endpoint}{path}", context=context
            ) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    assert ask("/readyz") == 200
    assert ask("/version") == 401
    assert ask("/api/v1/namespaces") == 401


def test_webhook_names_the_user_and_rbac_decides(namespace: Namespace) -> None:
    # A kubeconfig's certificate would win over the token.
    plane = namespace.control_plane
    identity = ["--token=viewer-token", f"--server={plane.endpoint}", "--kubeconfig=/dev/null"]
    authority = f"--certificate-authority={plane.pki / 'ca.crt'}"
    with pytest.raises(ControlPlaneError, match='User "viewer" cannot list resource "pods"'):
        namespace.kubectl("get", "pods", *identity, authority)
    namespace.kubectl("create", "rolebinding", "view", "--clusterrole=view", "--group=people")
    assert namespace.kubectl("get", "pods", *identity, authority) == ""


def test_unknown_token_is_refused(control_plane: ControlPlane) -> None:
    with pytest.raises(ControlPlaneError, match="must be logged in"):
        control_plane.kubectl(
            "get",
            "pods",
            "--token=stolen",
            "--kubeconfig=/dev/null",
            f"--server={control_plane.endpoint}",
            f"--certificate-authority={control_plane.pki / 'ca.crt'}",
        )


def test_pod_security_restricted_refuses_a_privileged_pod(namespace: Namespace) -> None:
    label = "pod-security.kubernetes.io/enforce=restricted"
    namespace.kubectl("label", "namespace", namespace.name, label)
    pod = {"apiVersion": "v1", "kind": "Pod", **pod_template()}
    pod["metadata"] = {"name": "privileged"}
    pod["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    with pytest.raises(
        ControlPlaneError, match='violates PodSecurity "restricted:latest": privileged'
    ):
        namespace.apply(pod)
