"""What somebody who may start a CronJob may make of it, as the API server judges it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import pytest

from k8s.database_dump import database_dump
from k8s.job_starters import nowhere_else, start_policy, start_right
from k8s.restore_drill import restore_drill
from local.kubernetes.control_plane import ControlPlane, ControlPlaneError
from tests.local_kubernetes.support import Namespace, eventually

GROUP = "starters"
AS = ("--as=somebody", f"--as-group={GROUP}", "--as-group=system:authenticated")
ADMIN = ("--as=somebody", "--as-group=system:masters")
CREATE = ("create", "--dry-run=server", "--output=name", "--filename=-")

Job = dict[str, Any]

OTHER: Job = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "other"},
    "spec": {
        "template": {
            "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "other"}]}
        }
    },
}


def _drill(namespace: str) -> Job:
    objects = restore_drill(
        namespace=namespace,
        namespaces=["web"],
        image="registry.example/drill:1",
        schedule="0 3 * * *",
        environment="dev",
        region="eu-central-1",
        max_age_hours=26,
        storage_class="gp3",
        storage_gib=20,
        cpu="100m",
        memory="128Mi",
    )
    return next(item for item in objects if item["kind"] == "CronJob")


def _dump(namespace: str) -> Job:
    objects = database_dump(
        namespace=namespace,
        members={"app.kubernetes.io/name": "database"},
        image="registry.example/drill:1",
        schedule="0 2 * * *",
        region="eu-central-1",
        role_arn="arn:aws:iam::111111111111:role/dump",
        secret_arn="arn:aws:secretsmanager:eu-central-1:111111111111:secret:dump",
        bucket="backups",
        cpu="100m",
        memory="128Mi",
    )
    return next(item for item in objects if item["kind"] == "CronJob")


MADE = {"restore-drill": _drill, "database-dump": _dump}
SPACES = {name: f"starts-{name}" for name in MADE}


@pytest.fixture(scope="module")
def spaces(control_plane: ControlPlane) -> Iterator[Mapping[str, Namespace]]:
    """The namespace of each CronJob that a group may start."""
    found = {name: Namespace(control_plane, space) for name, space in SPACES.items()}
    for name, make in MADE.items():
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACES[name]}}
        control_plane.client.apply(space)
        # Once for all: a second life of theirs is what the API server can't do.
        policy = start_policy(name, namespace=SPACES[name], groups=["others", GROUP])
        right = start_right(name, namespace=SPACES[name], groups=[GROUP])
        found[name].apply(*policy, *right)
        # The policies come with the cluster, and other Jobs before the CronJobs.
        assert _create(found[name], OTHER, *ADMIN)
        found[name].apply(make(SPACES[name]))
    found[name].apply(*nowhere_else([*SPACES.values()], groups=[GROUP]))
    for held in found.values():
        # It takes a moment to be enforced.
        eventually("it is enforced", partial(_refused, held, OTHER, "has the pod"))
    yield found
    for name in MADE:
        control_plane.client.delete(f"api/v1/namespaces/{SPACES[name]}")
    for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
        control_plane.kubectl(
            "delete", kind, *(f"start-{name}" for name in (*MADE, "nowhere-else"))
        )


@pytest.fixture
def drills(spaces: Mapping[str, Namespace]) -> Namespace:
    """The namespace of the drill."""
    return spaces["restore-drill"]


@pytest.fixture
def job(drills: Namespace) -> Job:
    return _started(drills, "restore-drill")


def _started(space: Namespace, name: str) -> Job:
    """Return what `kubectl create job --from` makes."""
    words = ("create", "job", "now", f"--from=cronjob/{name}", "--dry-run=client", "--output=json")
    made: Job = json.loads(space.kubectl(*words))
    return made


def _create(namespace: Namespace, job: Job, *who: str) -> str:
    return namespace.kubectl(*CREATE, *(who or AS), stdin=json.dumps(job))


def _refused(namespace: Namespace, job: Job, words: str) -> bool:
    """Say whether the policy refuses a Job with these words."""
    try:
        _create(namespace, job)
    except ControlPlaneError as error:
        return "ValidatingAdmissionPolicy 'start-" in str(error) and words in str(error)
    return False


@pytest.mark.parametrize("name", MADE)
def test_the_cron_job_is_started_as_it_is(spaces: Mapping[str, Namespace], name: str) -> None:
    job = _started(spaces[name], name)
    assert _create(spaces[name], job)
    assert _create(spaces[name], {**job, "metadata": {"generateName": "now-"}})


def test_who_is_in_no_such_group_is_held_to_their_own_rights_only(drills: Namespace) -> None:
    assert _create(drills, OTHER, *ADMIN)


def _set(*path: str | int, to: Any) -> Callable[[Job], None]:
    def change(job: Job) -> None:
        *way, last = path
        for part in way:
            job = job.setdefault(part, {}) if isinstance(part, str) else job[part]  # type: ignore[index]
        job[last] = to  # type: ignore[index]

    return change


POD = ("spec", "template", "spec")
CONTAINER = (*POD, "containers", 0)
MARKS = ("spec", "template", "metadata")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_set(*CONTAINER, "image", to="registry.example/other:1"), "has the pod of"),
        (_set(*CONTAINER, "command", to=["sh"]), "has the pod of"),
        (_set(*CONTAINER, "args", to=[]), "has the pod of"),
        (_set(*CONTAINER, "env", to=[{"name": "A", "value": "2"}]), "has the pod of"),
        (_set(*POD, "serviceAccountName", to="velero"), "has the pod of"),
        (_set(*POD, "initContainers", to=[{"name": "a", "image": "b"}]), "has the pod of"),
        (_set(*POD, "hostNetwork", to=True), "has the pod of"),
        (_set(*MARKS, "labels", "more", to="1"), "is marked as"),
        (_set(*MARKS, "labels", to={}), "is marked as"),
        (_set(*MARKS, "annotations", to={"pre.hook.backup.velero.io/command": "sh"}), "is marked"),
        (_set(*MARKS, "finalizers", to=["example.com/stay"]), "is marked as"),
        (_set("spec", "parallelism", to=50), "is one pod"),
        (_set("spec", "completions", to=50), "is one pod"),
        (_set("spec", "activeDeadlineSeconds", to=99999), "is one pod"),
        (_set("spec", "backoffLimit", to=50), "is one pod"),
    ],
)
def test_nothing_else_is_made_of_it(
    drills: Namespace, job: Job, change: Callable[[Job], None], said: str
) -> None:
    change(job)
    assert _refused(drills, job, said)


def test_pods_that_are_there_are_not_taken_over(drills: Namespace, job: Job) -> None:
    labels = job["spec"]["template"]["metadata"]["labels"]
    job["spec"] |= {"manualSelector": True, "selector": {"matchLabels": labels}}
    assert _refused(drills, job, "is one pod")


def test_where_the_cron_job_is_not_nothing_is_made(
    spaces: Mapping[str, Namespace], namespace: Namespace, job: Job
) -> None:
    del job["metadata"]["namespace"]
    # As a restore into another namespace brings the right along.
    namespace.apply(*start_right("restore-drill", namespace=namespace.name, groups=[GROUP]))
    assert _refused(namespace, job, "Jobs are started by hand in")
    assert _create(namespace, OTHER, *ADMIN)
    # What is started elsewhere is another's matter.
    assert _refused(spaces["database-dump"], job, "database-dump")
