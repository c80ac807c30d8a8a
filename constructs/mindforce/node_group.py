"""Managed node groups."""

from collections.abc import Mapping, Sequence

from aws_cdk import aws_ec2, aws_eks_v2
from constructs import Construct

from mindforce.policy import Statement
from mindforce.roles import ServiceRole
from mindforce.trust import service_trust

NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly")
"""The VPC CNI has a role of its own, so a node's needs no AmazonEKS_CNI_Policy."""

_Template = aws_ec2.CfnLaunchTemplate
_Nodegroup = aws_eks_v2.CfnNodegroup

BOTTLEROCKET_SYSTEM_GIB = 4
"""Bottlerocket's own volume, which nothing is ever written to."""


def node_role(scope: Construct, id: str, *, statements: Sequence[Statement] = ()) -> ServiceRole:
    """Return the role that nodes join the cluster and pull images with."""
    return ServiceRole(
        scope,
        id,
        trust=service_trust("ec2.amazonaws.com"),
        managed_policies=NODE_POLICIES,
        statements=statements,
    )


class NodeGroup(Construct):
    """Nodes in private subnets, with encrypted disks, whose pods can't use the node's identity.

    EKS tags its Auto Scaling groups with what the Cluster Autoscaler finds them by.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cluster_name: str,
        version: str,
        role_arn: str,
        subnet_ids: Sequence[str],
        disk_key_arn: str,
        instance_types: Sequence[str],
        ami_type: str,
        capacity_type: str,
        min_size: int,
        desired_size: int,
        max_size: int,
        disk_gib: int,
        labels: Mapping[str, str],
        taints: Sequence[Mapping[str, str]],
        max_unavailable_percent: int,
        repair: bool,
        zonal: bool,
        tags: Mapping[str, str],
    ) -> None:
        """Make the group, or with `zonal` one in each subnet, which share the sizes.

        A taint is {"key", "value", "effect"} with effects in EKS's words.
        """
        super().__init__(scope, id)
        # A stack's tags, and the group's, don't reach what the group starts.
        tags = {**tags, "Name": f"{cluster_name}-{id}"}
        template = self._launch_template(tags, ami_type, disk_gib, disk_key_arn)
        template_id, template_version = template.ref, template.attr_latest_version_number
        places = [[subnet] for subnet in subnet_ids] if zonal else [list(subnet_ids)]
        before: _Nodegroup | None = None
        for number, subnets in enumerate(places, 1):
            group = _Nodegroup(
                self,
                f"NodeGroup{number}" if zonal else "NodeGroup",
                cluster_name=cluster_name,
                # Without it the nodes stay behind when the control plane is upgraded.
                version=version,
                node_role=role_arn,
                subnets=subnets,
                instance_types=list(instance_types),
                # Explicit, because the default is an image that doesn't exist from 1.33 on.
                ami_type=ami_type,
                capacity_type=capacity_type,
                scaling_config=_Nodegroup.ScalingConfigProperty(
                    min_size=min_size // len(places),
                    desired_size=desired_size // len(places),
                    max_size=max_size // len(places),
                ),
                labels=dict(labels) or None,
                taints=[
                    _Nodegroup.TaintProperty(key=t["key"], value=t["value"], effect=t["effect"])
                    for t in taints
                ]
                or None,
                # True would kill nodes whose pods a disruption budget protects.
                force_update_enabled=False,
                update_config=_Nodegroup.UpdateConfigProperty(
                    max_unavailable_percentage=max_unavailable_percent
                ),
                node_repair_config=_Nodegroup.NodeRepairConfigProperty(enabled=repair),
                launch_template=_Nodegroup.LaunchTemplateSpecificationProperty(
                    id=template_id, version=template_version
                ),
            )
            # New nodes come to one zone at a time.
            if before:
                group.add_resource_dependency(before)
            before = group

    def _launch_template(
        self, tags: Mapping[str, str], ami_type: str, disk_gib: int, disk_key_arn: str
    ) -> aws_ec2.CfnLaunchTemplate:
        disks = {"/dev/xvda": disk_gib}
        if ami_type.startswith("BOTTLEROCKET"):
            disks = {"/dev/xvda": BOTTLEROCKET_SYSTEM_GIB, "/dev/xvdb": disk_gib}
        return _Template(
            self,
            "LaunchTemplate",
            launch_template_data=_Template.LaunchTemplateDataProperty(
                metadata_options=_Template.MetadataOptionsProperty(
                    http_tokens="required",
                    # One hop: pods, which are a hop away, can't reach the node's credentials.
                    http_put_response_hop_limit=1,
                ),
                block_device_mappings=[
                    _Template.BlockDeviceMappingProperty(
                        device_name=device,
                        ebs=_Template.EbsProperty(
                            volume_type="gp3",
                            volume_size=gib,
                            encrypted=True,
                            kms_key_id=disk_key_arn,
                            delete_on_termination=True,
                        ),
                    )
                    for device, gib in disks.items()
                ],
                tag_specifications=[
                    _Template.TagSpecificationProperty(
                        resource_type=kind,
                        tags=[{"key": key, "value": value} for key, value in tags.items()],
                    )
                    for kind in ("instance", "volume", "network-interface")
                ],
            ),
        )
