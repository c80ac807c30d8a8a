"""Manifests whose roll-outs are waited for."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aws_cdk import (
    Aws,
    CustomResource,
    Duration,
    Stack,
    aws_ec2,
    aws_eks_v2,
    aws_iam,
    aws_lambda,
    aws_logs,
)
from constructs import Construct, IDependable

from mindforce.manifest import Manifest, Objects

_AccessEntry = aws_eks_v2.CfnAccessEntry
_FUNCTIONS = Path(__file__).with_name("functions")
_VIEW_POLICY = "cluster-access-policy/AmazonEKSViewPolicy"
_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "Ingress")
_LAMBDA_LIMIT = Duration.minutes(15)
_CLEANUP_SECONDS = 600
"""A load balancer goes in a minute or two, and a volume once its pod is gone."""
_TO_ANSWER = 60
"""Seconds left to the function, after the roll-out's time is over, to say what it saw."""


class RolloutGate(Construct):
    """Fails a stack, so that it rolls back, when a manifest's workloads don't complete.

    CDK's kubectl provider applies a manifest and returns; it takes no notice of what becomes of
    the pods. The gate may only read, in the namespaces it is made for and what its group may. When
    the stack is deleted it comes last, and fails what would leave load balancers or volumes behind.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cluster: aws_eks_v2.ICluster,
        namespaces: Sequence[str],
        group: str,
        logs: aws_logs.ILogGroup,
    ) -> None:
        """`group` is a Kubernetes group that may list persistent volumes and targets' bindings."""
        super().__init__(scope, id)
        self._cluster = cluster
        self._cluster_name = cluster.cluster_name
        self._namespaces = frozenset(namespaces)
        managed = aws_iam.ManagedPolicy.from_aws_managed_policy_name
        describe = aws_iam.PolicyStatement(
            actions=["eks:DescribeCluster"], resources=[cluster.cluster_arn]
        )
        targets = aws_iam.PolicyStatement(
            actions=["elasticloadbalancing:DescribeTargetHealth"],
            resources=["*"],  # Lists and descriptions can't be limited to a resource.
        )
        role = aws_iam.Role(
            self,
            "Role",
            assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com"),
            managed_policies=[
                managed("service-role/AWSLambdaBasicExecutionRole"),
                managed("service-role/AWSLambdaVPCAccessExecutionRole"),
            ],
            inline_policies={"cluster": aws_iam.PolicyDocument(statements=[describe, targets])},
        )
        function = aws_lambda.Function(
            self,
            "Handler",
            description="Waits for Kubernetes roll-outs",
            code=aws_lambda.Code.from_asset(str(_FUNCTIONS), exclude=["**/__pycache__"]),
            handler="rollout.index.handler",
            role=role,
            runtime=aws_lambda.Runtime.PYTHON_3_13,
            architecture=aws_lambda.Architecture.ARM_64,
            memory_size=256,
            log_group=logs,
            timeout=_LAMBDA_LIMIT,
            # The API server is reachable from inside the VPC only.
            vpc=cluster.vpc,
            vpc_subnets=aws_ec2.SubnetSelection(subnet_type=aws_ec2.SubnetType.PRIVATE_WITH_EGRESS),
            security_groups=[cluster.cluster_security_group],
        )
        self._function_arn = function.function_arn
        access = _AccessEntry(
            Construct(self, "Access"),
            "Resource",
            cluster_name=self._cluster_name,
            principal_arn=role.role_arn,
            kubernetes_groups=[group],
            access_policies=[
                _AccessEntry.AccessPolicyProperty(
                    policy_arn=f"arn:{Aws.PARTITION}:eks::aws:{_VIEW_POLICY}",
                    access_scope=_AccessEntry.AccessScopeProperty(
                        type="namespace", namespaces=list(namespaces)
                    ),
                )
            ],
        )
        self._cleanup = self._custom_resource(
            "Cleanup",
            "Custom::KubernetesCleanup",
            _CLEANUP_SECONDS,
            {"Namespaces": sorted(namespaces)},
        )
        # And with it all that comes after it.
        self._cleanup.node.add_dependency(access, function)

    def apply(
        self,
        id: str,
        objects: Objects,
        *,
        timeout_seconds: int = 600,
        prune: bool = True,
        after: Sequence[IDependable] = (),
    ) -> IDependable:
        """Apply a manifest, wait for its workloads, and return what the next can come after.

        Objects may be there before: a backup may have brought them back. With `prune`, an object
        that leaves the manifest leaves the cluster, if kubectl prunes its kind: not for what holds
        data, or holds what does.
        Raises ValueError for a workload in a namespace that the gate can't read.
        """
        applied = Manifest(
            self, id, cluster=self._cluster, objects=objects, prune=prune, overwrite=True
        )
        # So that it is deleted after all that it looks for.
        applied.node.add_dependency(self._cleanup, *after)
        workloads = watched(objects)
        if not workloads:
            return applied
        for workload in workloads:
            if workload["namespace"] not in self._namespaces:
                raise ValueError(
                    f"{workload['kind']} {workload['name']} is in namespace "
                    f"{workload['namespace']}; this gate watches {sorted(self._namespaces)}"
                )
        rollout = self._custom_resource(
            f"{id}Rollout",
            "Custom::KubernetesRollout",
            timeout_seconds,
            {
                "Workloads": workloads,
                # A change of the manifest is what makes the gate look again.
                "ManifestHash": self._digest(applied.text),
            },
        )
        rollout.node.add_dependency(applied)
        return rollout

    def _custom_resource(
        self, id: str, kind: str, timeout_seconds: int, properties: Mapping[str, Any]
    ) -> CustomResource:
        return CustomResource(
            self,
            id,
            resource_type=kind,
            service_token=self._function_arn,
            service_timeout=Duration.seconds(timeout_seconds + _TO_ANSWER),
            properties={
                "ClusterName": self._cluster_name,
                "TimeoutSeconds": timeout_seconds,
                **properties,
            },
        )

    def _digest(self, text: str) -> str:
        """Return a digest that doesn't change with the order in which constructs are made."""
        resolved = json.dumps(Stack.of(self).resolve(text), sort_keys=True)
        return hashlib.sha256(resolved.encode()).hexdigest()[:16]


def watched(objects: Objects) -> Sequence[dict[str, Any]]:
    """Return what to wait for, and how many replicas an autoscaler will ask for at the least."""
    minimum = {
        (
            item["spec"]["scaleTargetRef"]["kind"],
            item["metadata"].get("namespace"),
            item["spec"]["scaleTargetRef"]["name"],
        ): item["spec"].get("minReplicas", 1)
        for item in objects
        if item["kind"] == "HorizontalPodAutoscaler"
    }
    return [
        {
            "kind": item["kind"],
            "namespace": item["metadata"].get("namespace"),
            "name": item["metadata"]["name"],
            "minReplicas": minimum.get(
                (item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]), 0
            ),
        }
        for item in objects
        if item["kind"] in _WORKLOADS
        or (item["kind"] == "Service" and item["spec"].get("type") == "LoadBalancer")
    ]
