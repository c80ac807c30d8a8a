"""When the gate gives up a StatefulSet, which never gives up itself."""

import time
import urllib.error
from typing import Any

import pytest

from mindforce.functions.rollout import index
from mindforce.functions.rollout.stuck import STUCK_SECONDS
from tests.unit.functions.kubernetes import member, stateful_set

WORKLOAD = {"kind": "StatefulSet", "namespace": "database", "name": "database", "minReplicas": "0"}
DEADLINE = 800.0
PULLS = member("ImagePullBackOff")
CRASHES = member("CrashLoopBackOff")
COMPLETE: dict[str, Any] = {"currentRevision": "new", "updatedReplicas": 2, "readyReplicas": 2}


class Api:
    """An API server whose StatefulSet is complete after so many seconds.

    Its pod is each of these in turn, a second each, and again from the first.
    """

    def __init__(self, *pods: Any, complete: float = DEADLINE + 1) -> None:
        self._pods = pods
        self._complete = complete

    def get(self, *_: str) -> Any:
        if time.monotonic() >= self._complete:
            return stateful_set(**COMPLETE)
        return stateful_set(currentRevision="old", updatedReplicas=1, readyReplicas=1)

    def pods(self, *_: Any) -> list[Any]:
        pod = self._pods[int(time.monotonic()) % len(self._pods)]
        if isinstance(pod, Exception):
            raise pod
        return [pod]


def _waited(*pods: Any, complete: float = DEADLINE + 1) -> str:
    api: Any = Api(*pods, complete=complete)
    return index.wait(api, WORKLOAD, deadline=DEADLINE)


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    "pods",
    [
        (PULLS,),
        (member("ErrImagePull"), PULLS),
        (member("ErrImageNeverPull"),),
        (member("InvalidImageName"),),
        (CRASHES, member(), CRASHES),
        (PULLS, urllib.error.URLError("down")),
    ],
    ids=["no image", "tried again", "never pulled", "no name", "crashes", "API server away"],
)
def test_a_new_pod_that_does_not_start_fails_early_and_in_its_own_words(pods: Any) -> None:
    said = _waited(*pods)
    assert said.startswith(
        f"StatefulSet database/database failed: its new pod database-1 hasn't started for "
        f"{STUCK_SECONDS} s"
    )
    assert STUCK_SECONDS <= time.monotonic() < STUCK_SECONDS + 5 < DEADLINE


@pytest.mark.usefixtures("clock")
def test_the_pods_own_words_are_told() -> None:
    assert _waited(PULLS).endswith(
        "; pod database-1: container postgres ImagePullBackOff no such image"
    )


@pytest.mark.usefixtures("clock")
def test_what_starts_after_all_is_waited_for() -> None:
    assert _waited(PULLS, complete=STUCK_SECONDS - 1) == ""


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    "pods",
    [
        (member("ImagePullBackOff", revision="old"),),
        (member("ContainerCreating"),),
        (member(),),
        (CRASHES, member(ready=True)),
    ],
    ids=["an old one", "one that is made", "one that starts slowly", "one that gets ready"],
)
def test_pods_that_only_take_their_time_have_all_of_it(pods: Any) -> None:
    assert _waited(*pods, complete=DEADLINE - 1) == ""
    assert time.monotonic() >= DEADLINE - 1
