"""Kubernetes manifests as CDK's kubectl provider applies them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import CustomResource, RemovalPolicy, aws_eks_v2
from constructs import Construct

Objects = Sequence[Mapping[str, Any]]
"""Kubernetes objects as plain data; strings in them may refer to resources."""


class Manifest(Construct):
    """Objects that are applied when it is made, and deleted when it goes.

    What aws_eks_v2.KubernetesManifest makes, except that the objects cross over to CDK's own
    language as one text: that one looks at each of their fields, three times in a synthesis.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cluster: aws_eks_v2.ICluster,
        objects: Objects,
        prune: bool = False,
        overwrite: bool = False,
        keep: bool = False,
    ) -> None:
        """With `prune`, an object that leaves the manifest leaves the cluster, if kubectl prunes
        its kind: a policy, a right or an autoscaler stays.

        With `overwrite`, objects may be there before. With `keep` they stay when it goes.
        """
        super().__init__(scope, id)
        # Asking for it lets this come after the cluster takes the provider's calls.
        provider = aws_eks_v2.KubectlProvider.get_kubectl_provider(self, cluster)
        assert provider is not None
        properties: dict[str, Any] = {"ClusterName": cluster.cluster_name}
        if prune:
            label = f"aws.cdk.eks/prune-{self.node.addr}"
            properties["PruneLabel"] = label
            objects = [_labelled(item, label) for item in objects]
        if overwrite:
            properties["Overwrite"] = True
        self.text = json.dumps(objects, separators=(",", ":"), ensure_ascii=False)
        CustomResource(
            self,
            "Resource",
            resource_type="Custom::AWSCDK-EKS-KubernetesResource",
            service_token=provider.service_token,
            removal_policy=RemovalPolicy.RETAIN if keep else None,
            properties={**properties, "Manifest": self.text},
        )


def _labelled(item: Mapping[str, Any], label: str) -> Mapping[str, Any]:
    metadata = item["metadata"]
    return {**item, "metadata": {**metadata, "labels": {label: "", **metadata.get("labels", {})}}}
