"""AWS managed policies that platforms on EKS attach and MiniStack does not know.

Any other name under arn:aws:iam::aws:policy/ is refused, as AWS does. The documents hold actions
only: AWS's limits to resources and conditions are left out, so a role may do more here than there.
"""

import json
from collections.abc import Mapping
from typing import Any

from local.aws import internals

_PULL = (
    "ecr:GetAuthorizationToken ecr:BatchCheckLayerAvailability ecr:GetDownloadUrlForLayer "
    "ecr:BatchGetImage"
)
_VOLUMES = (
    "ec2:CreateSnapshot ec2:AttachVolume ec2:DetachVolume ec2:ModifyVolume ec2:CreateVolume "
    "ec2:CopyVolumes ec2:DeleteVolume ec2:DeleteSnapshot ec2:EnableFastSnapshotRestores "
    "ec2:LockSnapshot ec2:CreateTags ec2:DeleteTags ec2:DescribeAvailabilityZones "
    "ec2:DescribeInstances ec2:DescribeInstanceTypes ec2:DescribeSnapshots ec2:DescribeVolumes "
    "ec2:DescribeVolumesModifications ec2:DescribeVolumeStatus"
)

_READ = (
    "ecr:GetRepositoryPolicy ecr:DescribeRepositories ecr:ListImages ecr:DescribeImages "
    "ecr:GetLifecyclePolicy ecr:GetLifecyclePolicyPreview ecr:ListTagsForResource "
    "ecr:DescribeImageScanFindings"
)
_PULL_ONLY = (
    "ecr:GetAuthorizationToken ecr:BatchImportUpstreamImage ecr:GetDownloadUrlForLayer "
    "ecr:BatchGetImage"
)
_PUBLIC = (
    "ecr-public:GetAuthorizationToken sts:GetServiceBearerToken "
    "ecr-public:BatchCheckLayerAvailability ecr-public:GetRepositoryPolicy "
    "ecr-public:DescribeRepositories ecr-public:DescribeRegistries ecr-public:DescribeImages "
    "ecr-public:DescribeImageTags ecr-public:GetRepositoryCatalogData "
    "ecr-public:GetRegistryCatalogData"
)
_INTERFACES = (
    "ec2:AssignPrivateIpAddresses ec2:AttachNetworkInterface ec2:CreateNetworkInterface "
    "ec2:DeleteNetworkInterface ec2:DetachNetworkInterface ec2:ModifyNetworkInterfaceAttribute "
    "ec2:UnassignPrivateIpAddresses"
)
_CNI = (
    f"{_INTERFACES} ec2:DescribeInstances ec2:DescribeTags ec2:DescribeNetworkInterfaces "
    "ec2:DescribeInstanceTypes ec2:DescribeSubnets ec2:CreateTags"
)

_POLICIES: Mapping[str, str] = {
    "AmazonEC2ContainerRegistryReadOnly": f"{_PULL} {_READ}",
    "AmazonEC2ContainerRegistryPullOnly": _PULL_ONLY,
    "AmazonElasticContainerRegistryPublicReadOnly": _PUBLIC,
    "AmazonEKS_CNI_Policy": _CNI,
    "AmazonEKSVPCResourceController": f"{_INTERFACES} ec2:CreateNetworkInterfacePermission",
    "AmazonEBSCSIDriverPolicyV2": _VOLUMES,
    # What environments of before have.
    "service-role/AmazonEBSCSIDriverPolicy": _VOLUMES,
}


def install() -> None:
    service = internals.module("services.iam")
    known: dict[str, Any] = internals.member(service, "_aws_managed_policies")
    for name, actions in _POLICIES.items():
        statement = {"Effect": "Allow", "Action": actions.split(), "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        record = service._make_aws_managed_record(name, document)
        known.setdefault(record["Arn"], record)
