"""A TLS certificate."""

from aws_cdk import aws_certificatemanager
from constructs import Construct


class Certificate(Construct):
    """A public certificate that renews itself, validated in a hosted zone of the same account."""

    def __init__(self, scope: Construct, id: str, *, domain_name: str, hosted_zone_id: str) -> None:
        super().__init__(scope, id)
        certificate = aws_certificatemanager.CfnCertificate(
            self,
            "Certificate",
            domain_name=domain_name,
            validation_method="DNS",
            # CloudFormation writes the validation record into the zone and waits for the issue.
            domain_validation_options=[{"domainName": domain_name, "hostedZoneId": hosted_zone_id}],
        )
        self.arn = certificate.ref
