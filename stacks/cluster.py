"""The cluster of an environment: control plane, add-ons, nodes, access."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from aws_cdk import CfnOutput
from aws_cdk.lambda_layer_kubectl_v35 import KubectlV35Layer
from constructs import Construct

from config.add_ons import NETWORKING, SERVICES
from config.model import Environment
from config.network import SERVICE_CIDR
from k8s.secret_store import POLL_SECONDS as SECRET_POLL_SECONDS
from mindforce.add_ons import AddOn, AddOnSettings
from mindforce.cluster import Cluster
from mindforce.disk_key import DiskKey
from mindforce.image_cache import ImageCache
from mindforce.network import Network
from mindforce.node_group import NodeGroup, node_role
from stacks.access import everywhere, let_people_in
from stacks.classes import offer_classes
from stacks.environment_stack import EnvironmentStack

# Options of the driver. Without rotation a pod sees a secret as it was when the pod started. With
# `syncSecret` it could write every Secret there is: k8s/velero.py lets it write the one it has to.
SECRETS_STORE = {
    "secrets-store-csi-driver": {
        "enableSecretRotation": True,
        "rotationPollInterval": f"{SECRET_POLL_SECONDS}s",
    }
}


class ClusterStack(EnvironmentStack):
    """An EKS cluster whose nodes join only once their networking is there."""

    def __init__(self, scope: Construct, id: str, *, config: Environment, network: Network) -> None:
        super().__init__(scope, id, config=config)
        self.cluster = Cluster(
            self,
            "Cluster",
            name=config.name,
            version=config.cluster.version,
            vpc=network.vpc,
            service_cidr=SERVICE_CIDR,
            endpoint_cidrs=config.cluster.endpoint_cidrs,
            log_retention_days=config.cluster.log_retention_days,
            deletion_protection=config.deletion_protection,
            authentication_mode=config.access.authentication_mode,
            support_type=config.cluster.support_type,
            zonal_shift=config.cluster.zonal_shift,
            kubectl_layer=KubectlV35Layer(self, "KubectlLayer"),
        )
        self.disk_key = DiskKey(
            self,
            "DiskKey",
            account=config.account,
            description=f"Disks of nodes and volumes of pods in {config.name}",
            # Snapshots can't be read without it.
            retain=config.deletion_protection,
        )
        secret = config.images.docker_hub_secret
        self._images = secret and ImageCache(
            self,
            "ImageCache",
            account=config.account,
            region=config.region,
            secret_name=secret,
            tags=config.tags,
        )
        statements = self._images.pull_statements if self._images else ()
        self._node_role = node_role(self, "NodeRole", statements=statements)
        networking = Construct(self, "Networking")
        add_ons = self._add_ons(networking, NETWORKING, config)
        # The agent hands the CNI its credentials.
        add_ons["vpc-cni"].node.add_dependency(add_ons["eks-pod-identity-agent"])
        self.nodes = self._nodes(config, network)
        self.nodes.node.add_dependency(networking)
        # These run as ordinary pods: without nodes they would wait, and then fail.
        services = Construct(self, "Services")
        add_ons = self._add_ons(services, SERVICES, config)
        # The driver's snapshotter looks for kinds that the controller brings.
        add_ons["aws-ebs-csi-driver"].node.add_dependency(add_ons["snapshot-controller"])
        services.node.add_dependency(self.nodes)
        offer_classes(
            self,
            cluster=self.cluster.cluster,
            disk_key_arn=self.disk_key.arn,
            rules=everywhere(config.access.roles),
            after=services,
        )
        let_people_in(
            self,
            config=config,
            cluster=self.cluster.cluster,
            key_arn=self.cluster.key_arn,
            nodes=self.nodes,
            node_roles=[self._node_role.arn],
        )
        CfnOutput(self, "ClusterName", value=self.cluster.name)

    def address(self, image: str) -> str:
        """Return where nodes pull an image of the table from."""
        return self._images.address(image) if self._images else image

    def _add_ons(
        self, scope: Construct, names: Iterable[str], config: Environment
    ) -> Mapping[str, AddOn]:
        settings = {
            "vpc-cni": AddOnSettings(
                configuration=_vpc_cni(config.tags),
                service_account="aws-node",
                managed_policies=["AmazonEKS_CNI_Policy"],
            ),
            "aws-secrets-store-csi-driver-provider": AddOnSettings(configuration=SECRETS_STORE),
            "aws-ebs-csi-driver": AddOnSettings(
                # Volumes and snapshots are made by the driver, whom no stack's tags reach.
                configuration={"controller": {"extraVolumeTags": config.tags}},
                service_account="ebs-csi-controller-sa",
                managed_policies=["AmazonEBSCSIDriverPolicyV2"],
                statements=self.disk_key.volume_statements,
            ),
        }
        return {
            name: AddOn(
                scope,
                name,
                cluster_name=self.cluster.name,
                version=config.cluster.add_on_versions.get(name),
                settings=settings.get(name),
            )
            for name in names
        }

    def _nodes(self, config: Environment, network: Network) -> Construct:
        nodes = Construct(self, "Nodes")
        for group in config.cluster.node_groups:
            NodeGroup(
                nodes,
                group.name,
                cluster_name=self.cluster.name,
                version=config.cluster.version,
                role_arn=self._node_role.arn,
                subnet_ids=network.private_subnet_ids,
                disk_key_arn=self.disk_key.arn,
                instance_types=group.instance_types,
                ami_type=group.ami_type,
                capacity_type=group.capacity_type,
                min_size=group.min_size,
                desired_size=group.desired_size,
                max_size=group.max_size,
                disk_gib=group.disk_gib,
                labels=group.labels,
                taints=[asdict(taint) for taint in group.taints],
                max_unavailable_percent=group.max_unavailable_percent,
                repair=group.repair,
                zonal=group.zonal,
                tags=config.tags,
            )
        return nodes


def _vpc_cni(tags: Mapping[str, str]) -> Mapping[str, Any]:
    return {
        # Without it no NetworkPolicy is enforced.
        "enableNetworkPolicy": "true",
        "env": {
            "ADDITIONAL_ENI_TAGS": json.dumps(tags),
            # Has to be there before the nodes, which count their pods' places when they join.
            "ENABLE_PREFIX_DELEGATION": "true",
            "WARM_PREFIX_TARGET": "1",
        },
    }
