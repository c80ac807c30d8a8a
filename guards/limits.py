"""How big an environment may get."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from guards.assembly import Templates, exports, references, resources

PLATFORM = "platform"
RESOURCES: Mapping[str, int] = {
    PLATFORM: 130,
    "database": 12,
    "log agent": 6,
    "backup and restore": 16,
}
"""The budget of each part of an environment (docs/decisions/0013)."""
CUSTOM_RESOURCES = 20
KUBECTL_PROVIDERS = 1
TEMPLATE_KB = 250
"""Of 1,000 bytes; CloudFormation takes 1 MB."""

_KUBECTL = "Custom::AWSCDK-EKS-"
_PARTS = (
    ("database", re.compile(r"(Charts)?(Database|Migrations)")),
    ("log agent", re.compile(r"PodLogs|ChartsLog(ging|Agent)")),
    (
        "backup and restore",
        re.compile(
            r"(Charts)?(Velero|RestoreDrill|BackupFreshness)|Alarms(restoredrill|backuplate)"
        ),
    ),
)
"""Whose a resource is, by the start of its logical id; what nobody claims is the platform's."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """What an environment consists of."""

    environment: str
    resources: Mapping[str, int]
    """By part."""
    custom_resources: int
    kubectl_providers: int
    largest_stack: str
    largest_template_kb: float

    def problems(self) -> Iterator[str]:
        """Yield a sentence for each limit that is passed."""
        for what, size, limit in (
            *(
                (f"resources of the {part}", self.resources.get(part, 0), budget)
                for part, budget in RESOURCES.items()
            ),
            ("custom resources", self.custom_resources, CUSTOM_RESOURCES),
            ("kubectl providers", self.kubectl_providers, KUBECTL_PROVIDERS),
        ):
            if size > limit:
                yield f"{self.environment}: {size} {what}; the limit is {limit}"
        if self.largest_template_kb > TEMPLATE_KB:
            size_kb = f"{self.largest_template_kb:.0f} kB"
            yield f"{self.largest_stack}: a template of {size_kb}; the limit is {TEMPLATE_KB} kB"


def size(environment: str, templates: Templates, written: Mapping[str, int]) -> Size:
    """Return the size of an environment's templates; `written` is each one's in bytes, by stack.

    CloudFormation counts the bytes of the file, with CDK's indentation.
    """
    found = list(resources(templates))
    exported = exports(templates)
    custom = [
        (stack, resource)
        for stack, _, resource in found
        if resource["Type"].startswith(("Custom::", "AWS::CloudFormation::CustomResource"))
    ]
    providers = {
        reference
        for stack, resource in custom
        if resource["Type"].startswith(_KUBECTL)
        for reference in references(resource["Properties"]["ServiceToken"], stack, exported)
    }
    largest = max(written, key=lambda stack: written[stack])
    return Size(
        environment=environment,
        resources=Counter(_part(name) for _, name, _ in found),
        custom_resources=len(custom),
        kubectl_providers=len(providers),
        largest_stack=largest,
        largest_template_kb=written[largest] / 1000,
    )


def _part(logical_id: str) -> str:
    return next((part for part, ids in _PARTS if ids.match(logical_id)), PLATFORM)
