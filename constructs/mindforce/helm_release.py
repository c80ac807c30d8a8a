"""A Helm release that is complete, or not there."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration, aws_eks_v2
from constructs import Construct

TIMEOUT = Duration.minutes(5)
"""A failed release waits this long once more while it rolls back; CDK's handler has 15 minutes."""


class HelmRelease(Construct):
    """A pinned chart whose pods are ready when it is; what fails is rolled back by Helm itself."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cluster: aws_eks_v2.ICluster,
        name: str,
        repository: str,
        chart: str,
        version: str,
        namespace: str,
        values: Mapping[str, Any],
    ) -> None:
        super().__init__(scope, id)
        aws_eks_v2.HelmChart(
            self,
            "Release",
            cluster=cluster,
            release=name,
            repository=repository,
            chart=chart,
            version=version,
            namespace=namespace,
            values=values,
            create_namespace=False,
            wait=True,
            atomic=True,
            timeout=TIMEOUT,
        )
