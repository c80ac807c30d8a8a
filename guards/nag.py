"""What cdk-nag's AwsSolutions rules say against the app, and why each thing stays.

Kept here instead of in the constructs, because cdk-nag takes an eighth of a synthesis and runs in
the tests only (docs/decisions).
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple


class Finding(NamedTuple):
    """One rule that one resource of one environment breaks."""

    rule: str
    """Such as "IAM4"."""
    detail: str
    """What the rule says it is about, such as a policy's ARN; may be empty."""
    environment: str
    path: str
    """Of the construct, within the environment."""


class Acknowledged(NamedTuple):
    """Findings that stay: the rule, a pattern of paths, a part of the detail, and the reason."""

    rule: str
    path: str
    detail: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        return (
            self.rule == finding.rule
            and self.detail in finding.detail
            and re.fullmatch(self.path, finding.path) is not None
        )


_KUBECTL = r"Cluster/Cluster/Cluster/KubectlProvider/.*"
_FUNCTIONS = rf"({_KUBECTL}|Workloads/Charts/(Handler|Role)/.*)"
_VELERO = "Backup/Role/Role"
_DRILL = "Workloads/RestoreDrillIdentity/Role"
_FRESHNESS = "Workloads/BackupFreshnessIdentity/Role"
_ARCHIVE = "Workloads/Database/Identity/Archive"
_DUMP = "Workloads/Database/Identity/Dump"
_BALANCER = "Platform/LoadBalancerController/Identity/Role"
_AUTOSCALER = "Platform/ClusterAutoscaler/Identity/Role"

ACKNOWLEDGED: Sequence[Acknowledged] = (
    Acknowledged(
        "SMG4",
        r"Workloads/Database/(App|Dump|Members)/Resource",
        "",
        "a password of PostgreSQL is changed in the database too, by whom it knows",
    ),
    Acknowledged(
        "SMG4",
        "Backup/Repository/Resource",
        "",
        "what was encrypted with it could be read no more: Velero can't change it",
    ),
    Acknowledged(
        "IAM5", _ARCHIVE, "/database/*", "every file of the archive, in the one place that is its"
    ),
    Acknowledged(
        "IAM5", _DUMP, "/dumps/*", "dumps are named by their moment; it adds them and does no more"
    ),
    Acknowledged(
        "IAM4",
        r"Cluster/Cluster/Cluster/Role/.*",
        "AmazonEKSClusterPolicy",
        "EKS asks for this policy by name",
    ),
    Acknowledged(
        "IAM4",
        "Cluster/NodeRole",
        "AmazonEKSWorkerNodePolicy",
        "EKS asks for this policy by name",
    ),
    Acknowledged(
        "IAM4",
        "Cluster/NodeRole",
        "ContainerRegistryPullOnly",
        "only the account's registry is reached, and only to pull",
    ),
    Acknowledged(
        "IAM4",
        "Cluster/Networking/vpc-cni-role",
        "AmazonEKS_CNI_Policy",
        "AWS changes it with the CNI, which needs what it says",
    ),
    Acknowledged(
        "IAM4",
        "Cluster/Services/aws-ebs-csi-driver-role",
        "AmazonEBSCSIDriverPolicyV2",
        "AWS changes it with the driver; it is scoped to what the driver tagged",
    ),
    Acknowledged(
        "IAM5",
        "Workloads/PodLogs/Identity/Role",
        "/pods:",
        "the log agent makes a stream for each pod, in the one group of the stack",
    ),
    Acknowledged(
        "IAM5",
        "Cluster/(NodeRole|ImageCache/Maker)",
        "repository/docker-hub/*",
        "repositories of the image cache, which have the names of images",
    ),
    Acknowledged(
        "IAM4", _FUNCTIONS, "AWSLambdaBasicExecutionRole", "writing logs is all that it allows"
    ),
    Acknowledged(
        "IAM4",
        _FUNCTIONS,
        "AWSLambdaVPCAccessExecutionRole",
        "Lambda needs it to reach into a VPC, on resources that have no name before",
    ),
    Acknowledged(
        "IAM4",
        _KUBECTL,
        "ContainerRegistry",
        "CDK's own: Helm charts may come from a registry; it only reads",
    ),
    Acknowledged(
        "IAM5", _KUBECTL, ".Arn>:*", "CDK's own: the versions of one function, which it names"
    ),
    Acknowledged(
        "L1",
        _FUNCTIONS,
        "",
        "CDK chooses its handler's runtime; ours is the one that the tests run it on",
    ),
    Acknowledged(
        "S1",
        "Backup/Backups/Bucket/Resource",
        "",
        "roles of the cluster's pods get in, each to its prefix; a log would be one more bucket",
    ),
    Acknowledged(
        "IAM5", _VELERO, "<BackupsBucket", "the objects of one bucket, whose names Velero chooses"
    ),
    Acknowledged(
        "IAM5",
        _VELERO,
        ":volume/*",
        "what is backed up has no name yet; nothing of a volume can be read or deleted",
    ),
    Acknowledged(
        "IAM5",
        _VELERO,
        "::snapshot/*",
        "snapshots have no names before; a tag's condition keeps it to Velero's own",
    ),
    Acknowledged(
        "IAM5",
        _DRILL,
        "BackupsBucket",
        "what backups and reports are called is known when they are",
    ),
    Acknowledged(
        "IAM5",
        f"({_DRILL}|{_FRESHNESS})",
        "Resource::*",
        "metrics have none; a condition names the namespace",
    ),
    Acknowledged("IAM5", _VELERO, "Resource::*", "EC2 knows no resources for its lists"),
    Acknowledged(
        "IAM5",
        "Workloads/Charts/Role/.*",
        "Resource::*",
        "Elastic Load Balancing knows no resources for its descriptions",
    ),
    Acknowledged(
        "IAM5",
        "Cluster/Access/mindforce-(on-call|pipeline|platform-admin)",
        ":alarm:*",
        "CloudWatch knows no single alarms for its list",
    ),
    Acknowledged(
        "IAM5",
        "Cluster/Access/mindforce-(on-call|platform-admin)",
        ":log-group:/aws/eks/",
        "the streams of two log groups, by name, which it only reads",
    ),
    Acknowledged(
        "IAM5",
        "Cluster/Access/mindforce-(on-call|platform-admin)",
        "Resource::*",
        "metrics have no names for IAM, and lists know no resources; it only reads them",
    ),
    Acknowledged(
        "S1",
        "Platform/LoadBalancerLogs/Bucket",
        "",
        "it holds logs already; a log of their delivery would say nothing more",
    ),
    Acknowledged(
        "IAM5",
        _BALANCER,
        "/k8s-*",
        "the controller names what it makes; its prefix and the cluster's tag keep it to its own",
    ),
    Acknowledged(
        "IAM5",
        _BALANCER,
        ":security-group/*",
        "they have no names before; a tag's condition keeps it to the controller's and the nodes'",
    ),
    Acknowledged(
        "IAM5", _BALANCER, ":certificate/*", "it reads which names a certificate is for, no more"
    ),
    Acknowledged(
        "IAM5", _BALANCER, ":role/aws-service-role/", "AWS chooses the service-linked role's name"
    ),
    Acknowledged(
        "IAM5", _AUTOSCALER, ":nodegroup/", "CloudFormation names node groups; it only reads them"
    ),
    Acknowledged(
        "IAM5",
        _AUTOSCALER,
        ":autoScalingGroup:*",
        "EKS names them; a tag's condition keeps it to those of the cluster",
    ),
    Acknowledged(
        "IAM5",
        f"({_BALANCER}|{_AUTOSCALER})",
        "Resource::*",
        "lists and descriptions know no resources",
    ),
)


def findings(report: Path) -> Iterator[Finding]:
    """Yield what a synthesis' validation-report.json holds of cdk-nag's."""
    plugins = json.loads(report.read_text())["pluginReports"]
    for plugin in plugins:
        if plugin["pluginName"] != "AwsSolutions":
            continue
        for violation in plugin["violations"]:
            rule, _, detail = violation["ruleName"].removeprefix("AwsSolutions-").partition("[")
            for construct in violation["violatingConstructs"]:
                environment, _, path = construct["constructPath"].partition("/")
                yield Finding(rule, detail.removesuffix("]"), environment, path)
