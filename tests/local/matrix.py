"""What an API server lets somebody do, question by question, beside what the table says."""

import base64
import http.client
import json
import ssl
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple
from urllib.parse import urlsplit

from config.access import STARTED, Role
from config.resources import ALL, IN_NO_NAMESPACE, RESOURCES, VERBS
from config.workloads import WEB_NAMESPACE

REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
CONNECTIONS = 4
_RBAC = "rbac.authorization.k8s.io"

# verb, API group, resource: by any of these somebody becomes more than they are.
_LADDERS = (
    ("create", "", "serviceaccounts/token"),
    ("create", "", "pods/proxy"),
    ("create", "", "services/proxy"),
    ("patch", "", "pods/ephemeralcontainers"),
    ("impersonate", "", "serviceaccounts"),
    ("bind", _RBAC, "roles"),
    ("escalate", _RBAC, "roles"),
)
_LADDERS_IN_NO_NAMESPACE = (
    ("get", "", "nodes/proxy"),
    ("create", "", "nodes/proxy"),
    ("impersonate", "", "users"),
    ("impersonate", "", "groups"),
    ("bind", _RBAC, "clusterroles"),
    ("escalate", _RBAC, "clusterroles"),
    ("approve", "certificates.k8s.io", "signers"),
    ("create", "admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
)


class Question(NamedTuple):
    """May I do this? A namespace of "" is what no namespace holds."""

    verb: str
    group: str
    resource: str
    namespace: str


def questions(namespaces: Sequence[str]) -> Iterator[Question]:
    """Yield each verb on each resource that the rules know, and each way up, in each namespace."""
    for name, groups in RESOURCES.items():
        for group, resources in groups.items():
            for resource in resources:
                for namespace in ("",) if name in IN_NO_NAMESPACE else namespaces:
                    for verb in VERBS:
                        if ALL not in (group, verb):
                            yield Question(verb, group, resource, namespace)
    for namespace in namespaces:
        yield from (Question(*ladder, namespace) for ladder in _LADDERS)
    yield from (Question(*ladder, "") for ladder in _LADDERS_IN_NO_NAMESPACE)


def by_the_table(role: Role, question: Question) -> bool:
    """Say what the table says."""
    rules = role.rules + (role.workload_rules if question.namespace == WEB_NAMESPACE else ())
    starts = question[:3] == ("create", "batch", "jobs") and question.namespace in {
        STARTED[name] for name in role.starts
    }
    return (
        role.break_glass
        or starts
        or any(
            {question.verb, ALL} & set(rule.verbs)
            and (
                name == "everything" or question.resource in RESOURCES[name].get(question.group, ())
            )
            for rule in rules
            for name in rule.resources
        )
    )


class ApiServer:
    """An API server, asked over connections that are kept."""

    def __init__(self, endpoint: str, authority: str) -> None:
        self._address = urlsplit(endpoint).netloc
        self._context = ssl.create_default_context(cadata=base64.b64decode(authority).decode())

    def answers(self, token: str, asked: Sequence[Question]) -> list[bool]:
        """Return whether each may be done. Raises PermissionError when nobody has the token."""
        shares = [asked[number::CONNECTIONS] for number in range(CONNECTIONS)]
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            told = list(pool.map(lambda share: self._share(token, share), shares))
        found = {question: answer for share in told for question, answer in share}
        return [found[question] for question in asked]

    def _share(self, token: str, asked: Sequence[Question]) -> list[tuple[Question, bool]]:
        connection = http.client.HTTPSConnection(self._address, timeout=30, context=self._context)
        try:
            return [(question, self._ask(connection, token, question)) for question in asked]
        finally:
            connection.close()

    @staticmethod
    def _ask(connection: http.client.HTTPSConnection, token: str, question: Question) -> bool:
        resource, _, part = question.resource.partition("/")
        attributes = {
            "verb": question.verb,
            "group": question.group,
            "resource": resource,
            "subresource": part,
            "namespace": question.namespace,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request("POST", REVIEW, json.dumps(review), headers)
        answer = connection.getresponse()
        content = json.loads(answer.read())
        if answer.status == http.client.UNAUTHORIZED:
            raise PermissionError(content["message"])
        return bool(content["status"]["allowed"])
