"""How the web service is reached from outside of the cluster: an ALB or an NLB in front of it."""

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cdk8s_plus_27 import k8s as kube
from constructs import Construct

from config.errors import Problem
from k8s.web_pod import DEREGISTRATION_SECONDS, LABELS, NAME, PORT

HEALTH = "/readyz"
NETWORK_LOAD_BALANCER = f"{NAME}-load-balancer"
"""The Service that is one, beside the one that the cluster uses."""

TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
"""TLS 1.2 and 1.3 with forward secrecy."""
_DEREGISTRATION = f"deregistration_delay.timeout_seconds={DEREGISTRATION_SECONDS}"


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """Where the load balancer is, and who may connect to it.

    With a certificate everybody, by TLS only; plain HTTP stays inside the VPC until there is one.
    """

    namespace: str
    subnets: Sequence[str]
    """Ids."""
    host: str | None
    """The certificate's; an ALB answers to that name only."""
    certificate_arn: str | None

    @property
    def scheme(self) -> str:
        return "internet-facing" if self.certificate_arn else "internal"

    def metadata(self, name: str, prefix: str, annotations: Mapping[str, str]) -> kube.ObjectMeta:
        """Return an object's metadata, its annotations those of the controller under a prefix."""
        return kube.ObjectMeta(
            name=name,
            namespace=self.namespace,
            labels=dict(LABELS),
            annotations={f"{prefix}{key}": value for key, value in annotations.items()},
        )


def exposure_problems(
    subnets: Mapping[str, str], host: str | None, certificate_arn: str | None
) -> Iterator[Problem]:
    """Yield what is wrong with the load balancer's subnets, id → CIDR, and its name."""
    if not subnets:
        right = "it must name one at the least: a policy without addresses lets everybody in"
        yield Problem("load_balancer_subnets", dict(subnets), right)
    for name, cidr in subnets.items():
        try:
            ipaddress.IPv4Network(cidr)
        except ValueError:
            right = "it must be a subnet's IPv4 network such as '10.10.128.0/24'"
            yield Problem(f"load_balancer_subnets[{name}]", cidr, right)
    if (host is None) is not (certificate_arn is None):
        right = "a certificate must have its host, and a host its certificate"
        yield Problem("(host, certificate_arn)", (host, certificate_arn), right)


def application_load_balancer(scope: Construct, exposure: Exposure, port: int) -> None:
    """Route requests to pods; HTTP is redirected to HTTPS where there is a certificate."""
    tls = {}
    if exposure.certificate_arn:
        tls = {
            "listen-ports": '[{"HTTP": 80}, {"HTTPS": 443}]',
            "ssl-redirect": "443",
            "ssl-policy": TLS_POLICY,
            "certificate-arn": exposure.certificate_arn,
        }
    annotations = {
        "scheme": exposure.scheme,
        **tls,
        "subnets": ",".join(exposure.subnets),
        "target-type": "ip",
        "healthcheck-path": HEALTH,
        "target-group-attributes": _DEREGISTRATION,
    }
    backend = kube.IngressServiceBackend(name=NAME, port=kube.ServiceBackendPort(number=port))
    path = kube.HttpIngressPath(
        path="/", path_type="Prefix", backend=kube.IngressBackend(service=backend)
    )
    http = kube.HttpIngressRuleValue(paths=[path])
    kube.KubeIngress(
        scope,
        "Ingress",
        metadata=exposure.metadata(NAME, "alb.ingress.kubernetes.io/", annotations),
        spec=kube.IngressSpec(
            ingress_class_name="alb", rules=[kube.IngressRule(host=exposure.host, http=http)]
        ),
    )


def network_load_balancer(scope: Construct, exposure: Exposure) -> None:
    """Pass connections to pods: plain HTTP on port 80, or on 443 what was TLS until there."""
    tls = {}
    if exposure.certificate_arn:
        tls = {
            "aws-load-balancer-ssl-cert": exposure.certificate_arn,
            "aws-load-balancer-ssl-ports": "443",
            "aws-load-balancer-ssl-negotiation-policy": TLS_POLICY,
        }
    annotations = {
        "aws-load-balancer-scheme": exposure.scheme,
        **tls,
        "aws-load-balancer-subnets": ",".join(exposure.subnets),
        "aws-load-balancer-nlb-target-type": "ip",
        "aws-load-balancer-healthcheck-protocol": "http",
        "aws-load-balancer-healthcheck-path": HEALTH,
        # Network policies know the load balancer by the addresses of its subnets.
        "aws-load-balancer-target-group-attributes": (
            f"{_DEREGISTRATION},preserve_client_ip.enabled=false"
        ),
        # Its address in a zone without pods would be one that fails.
        "aws-load-balancer-attributes": "load_balancing.cross_zone.enabled=true",
    }
    kube.KubeService(
        scope,
        "LoadBalancer",
        metadata=exposure.metadata(
            NETWORK_LOAD_BALANCER, "service.beta.kubernetes.io/", annotations
        ),
        spec=kube.ServiceSpec(
            type="LoadBalancer",
            load_balancer_class="service.k8s.aws/nlb",
            # Pods are its targets, so no node has to listen.
            allocate_load_balancer_node_ports=False,
            selector=dict(LABELS),
            ports=[
                kube.ServicePort(
                    name="https" if exposure.certificate_arn else "http",
                    port=443 if exposure.certificate_arn else 80,
                    target_port=kube.IntOrString.from_number(PORT),
                )
            ],
        ),
    )
