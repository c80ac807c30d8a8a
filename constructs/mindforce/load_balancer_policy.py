"""What the AWS Load Balancer Controller may do.

Source: the API calls of version 3.3 and the policy that AWS publishes with it
(docs/install/iam_policy.json in its repository). Ours is narrower: one cluster's resources, by
their tag and by the prefix of the names that the controller gives; Application and Network Load
Balancers, without WAF, Shield, Cognito, trust stores and address pools.
"""

from typing import Any

CLUSTER_TAG = "elbv2.k8s.aws/cluster"
"""The controller tags all that it makes with its cluster's name."""


def statements(*, cluster_name: str, region: str, account: str, vpc_id: str) -> list[Any]:
    """Return the policy's statements."""
    ec2 = f"arn:aws:ec2:{region}:{account}"
    elb = f"arn:aws:elasticloadbalancing:{region}:{account}"
    groups = f"{ec2}:security-group/*"
    kinds = ("app", "net")
    balancers = [f"{elb}:loadbalancer/{kind}/k8s-*/*" for kind in kinds]
    listeners = [f"{elb}:listener/{kind}/k8s-*/*/*" for kind in kinds]
    rules = [f"{elb}:listener-rule/{kind}/k8s-*/*/*/*" for kind in kinds]
    targets = [f"{elb}:targetgroup/k8s-*/*"]
    ours = {"StringEquals": {f"aws:ResourceTag/{CLUSTER_TAG}": cluster_name}}
    becomes_ours = {"StringEquals": {f"aws:RequestTag/{CLUSTER_TAG}": cluster_name}}
    nodes = {"StringEquals": {f"aws:ResourceTag/kubernetes.io/cluster/{cluster_name}": "owned"}}
    return [
        {
            "Action": [
                "acm:ListCertificates",
                "ec2:DescribeAvailabilityZones",
                "ec2:DescribeInstances",
                "ec2:DescribeInternetGateways",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeRouteTables",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
                "ec2:DescribeVpcs",
                "elasticloadbalancing:DescribeListenerAttributes",
                "elasticloadbalancing:DescribeListenerCertificates",
                "elasticloadbalancing:DescribeListeners",
                "elasticloadbalancing:DescribeLoadBalancerAttributes",
                "elasticloadbalancing:DescribeLoadBalancers",
                "elasticloadbalancing:DescribeRules",
                "elasticloadbalancing:DescribeTags",
                "elasticloadbalancing:DescribeTargetGroupAttributes",
                "elasticloadbalancing:DescribeTargetGroups",
                "elasticloadbalancing:DescribeTargetHealth",
            ],
            "Resource": "*",  # Lists and descriptions can't be limited to a resource.
        },
        {
            "Action": "acm:DescribeCertificate",
            "Resource": f"arn:aws:acm:{region}:{account}:certificate/*",
        },
        {
            "Action": "iam:CreateServiceLinkedRole",
            "Resource": f"arn:aws:iam::{account}:role/aws-service-role/"
            "elasticloadbalancing.amazonaws.com/*",
            "Condition": {
                "StringEquals": {"iam:AWSServiceName": "elasticloadbalancing.amazonaws.com"}
            },
        },
        {"Action": "ec2:CreateSecurityGroup", "Resource": f"{ec2}:vpc/{vpc_id}"},
        {"Action": "ec2:CreateSecurityGroup", "Resource": groups, "Condition": becomes_ours},
        {
            "Action": "ec2:CreateTags",
            "Resource": groups,
            "Condition": {
                "StringEquals": {
                    "ec2:CreateAction": "CreateSecurityGroup",
                    **becomes_ours["StringEquals"],
                }
            },
        },
        {"Action": ["ec2:CreateTags", "ec2:DeleteTags"], "Resource": groups, "Condition": ours},
        {
            "Action": [
                "ec2:AuthorizeSecurityGroupIngress",
                "ec2:DeleteSecurityGroup",
                "ec2:RevokeSecurityGroupIngress",
            ],
            "Resource": groups,
            "Condition": ours,
        },
        {
            # The nodes' group lets the load balancers' in.
            "Action": ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"],
            "Resource": groups,
            "Condition": nodes,
        },
        {
            "Action": [
                "elasticloadbalancing:AddTags",
                "elasticloadbalancing:CreateLoadBalancer",
                "elasticloadbalancing:CreateTargetGroup",
            ],
            "Resource": [*balancers, *targets],
            "Condition": becomes_ours,
        },
        {
            "Action": [
                "elasticloadbalancing:AddTags",
                "elasticloadbalancing:CreateListener",
                "elasticloadbalancing:DeleteLoadBalancer",
                "elasticloadbalancing:DeleteTargetGroup",
                "elasticloadbalancing:DeregisterTargets",
                "elasticloadbalancing:ModifyLoadBalancerAttributes",
                "elasticloadbalancing:ModifyTargetGroup",
                "elasticloadbalancing:ModifyTargetGroupAttributes",
                "elasticloadbalancing:RegisterTargets",
                "elasticloadbalancing:RemoveTags",
                "elasticloadbalancing:SetIpAddressType",
                "elasticloadbalancing:SetSecurityGroups",
                "elasticloadbalancing:SetSubnets",
            ],
            "Resource": [*balancers, *targets],
            "Condition": ours,
        },
        {
            # By name alone: a listener's tags come after it, and old ones have none.
            "Action": [
                "elasticloadbalancing:AddListenerCertificates",
                "elasticloadbalancing:AddTags",
                "elasticloadbalancing:CreateRule",
                "elasticloadbalancing:DeleteListener",
                "elasticloadbalancing:DeleteRule",
                "elasticloadbalancing:ModifyListener",
                "elasticloadbalancing:ModifyListenerAttributes",
                "elasticloadbalancing:ModifyRule",
                "elasticloadbalancing:RemoveListenerCertificates",
                "elasticloadbalancing:RemoveTags",
                "elasticloadbalancing:SetRulePriorities",
            ],
            "Resource": [*listeners, *rules],
        },
    ]
