"""A managed node group."""

from collections.abc import Sequence

from aws_cdk import Tags, aws_ec2, aws_eks_v2, aws_iam
from constructs import Construct


class NodeGroup(Construct):
    """Nodes in private subnets, with encrypted disks, whose pods can't use the node's identity."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cluster: aws_eks_v2.ICluster,
        version: str,
        instance_types: Sequence[str],
        ami_type: str,
        min_size: int,
        desired_size: int,
        max_size: int,
        disk_gib: int,
    ) -> None:
        super().__init__(scope, id)
        role = aws_iam.Role(self, "Role", assumed_by=aws_iam.ServicePrincipal("ec2.amazonaws.com"))
        # The VPC CNI has a role of its own, so the node's needs no AmazonEKS_CNI_Policy.
        for policy in ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"):
            role.add_managed_policy(aws_iam.ManagedPolicy.from_aws_managed_policy_name(policy))
        self.role_arn = role.role_arn
        template = self._launch_template(disk_gib)
        node_group = aws_eks_v2.Nodegroup(
            self,
            "NodeGroup",
            cluster=cluster,
            node_role=role,
            instance_types=[aws_ec2.InstanceType(name) for name in instance_types],
            # Explicit, because the default is an image that doesn't exist from 1.33 on.
            ami_type=aws_eks_v2.NodegroupAmiType[ami_type.upper()],
            min_size=min_size,
            desired_size=desired_size,
            max_size=max_size,
            subnets=aws_ec2.SubnetSelection(subnet_type=aws_ec2.SubnetType.PRIVATE_WITH_EGRESS),
            # True would kill nodes whose pods a disruption budget protects.
            force_update=False,
            max_unavailable_percentage=33,
            enable_node_auto_repair=True,
            launch_template_spec=aws_eks_v2.LaunchTemplateSpec(
                id=template.ref, version=template.attr_latest_version_number
            ),
        )
        resource = node_group.node.default_child
        assert isinstance(resource, aws_eks_v2.CfnNodegroup)
        # Without it the nodes stay behind when the control plane is upgraded.
        resource.version = version

    def _launch_template(self, disk_gib: int) -> aws_ec2.CfnLaunchTemplate:
        properties = aws_ec2.CfnLaunchTemplate
        template = properties(
            self,
            "LaunchTemplate",
            launch_template_data=properties.LaunchTemplateDataProperty(
                metadata_options=properties.MetadataOptionsProperty(
                    http_tokens="required",
                    # One hop: pods, which are a hop away, can't reach the node's credentials.
                    http_put_response_hop_limit=1,
                ),
                block_device_mappings=[
                    properties.BlockDeviceMappingProperty(
                        device_name="/dev/xvda",
                        ebs=properties.EbsProperty(
                            volume_type="gp3",
                            volume_size=disk_gib,
                            encrypted=True,
                            delete_on_termination=True,
                        ),
                    )
                ],
            ),
        )
        Tags.of(self).add("Name", self.node.path)
        return template
