"""Sessions at the stand-in: an account's root in the place of AWS's services, and its roles."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from local.rehearsal.errors import ActionFailedError
from local.target import SECRET

# One for all: what it takes long over is reading the services' models.
_sdk: Any = boto3.Session()
_making = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Somebody with credentials, and the clients made with these."""

    endpoint: str
    region: str
    key: str
    secret: str
    token: str | None = None

    def client(self, service: str) -> Any:
        # Sessions may not make two clients at a time.
        with _making:
            return _sdk.client(
                service,
                endpoint_url=self.endpoint,
                region_name=self.region,
                aws_access_key_id=self.key,
                aws_secret_access_key=self.secret,
                aws_session_token=self.token,
            )

    def assume(self, role: str, name: str) -> "Actor":
        """Return whoever has assumed a role. Raises ActionFailedError when it may not."""
        try:
            made = self.client("sts").assume_role(RoleArn=role, RoleSessionName=name[:64])
        except ClientError as error:
            raise ActionFailedError(
                f"{role} can't be assumed: {error.response['Error']['Message']} "
                "(a role named cdk-* is made by 'make bootstrap', which also says whom it trusts)"
            ) from error
        return self._with(made["Credentials"])

    def serve(self, service: str, role: str, source: str, name: str) -> "Actor":
        """Return a service's session of a role. Raises ActionFailedError when it isn't trusted."""
        given = {"service": service, "roleArn": role, "sourceArn": source, "sessionName": name}
        return self._with(self.ask("ServiceCredentials", given))

    def ask(self, action: str, given: Mapping[str, str]) -> Mapping[str, Any]:
        """Have the stand-in do what AWS's services do by themselves. Raises ActionFailedError."""
        request = AWSRequest(
            "POST",
            f"{self.endpoint}/",
            data=json.dumps(given),
            headers={
                "X-Amz-Target": f"MindforceRunner.{action}",
                "Content-Type": "application/x-amz-json-1.1",
            },
        )
        credentials = Credentials(self.key, self.secret, self.token)
        SigV4Auth(credentials, "mindforce-runner", self.region).add_auth(request)
        headers = dict(request.prepare().headers)
        plain = urllib.request.Request(
            f"{self.endpoint}/", data=json.dumps(given).encode(), headers=headers, method="POST"
        )
        try:
            with urllib.request.urlopen(plain) as answer:
                found: Mapping[str, Any] = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            said = json.load(error)
            raise ActionFailedError(said.get("message") or said.get("Message")) from error

    def variables(self) -> Mapping[str, str]:
        """Return what any AWS client needs to be this actor."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            **({"AWS_SESSION_TOKEN": self.token} if self.token else {}),
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

    def _with(self, credentials: Mapping[str, Any]) -> "Actor":
        return replace(
            self,
            key=credentials["AccessKeyId"],
            secret=credentials["SecretAccessKey"],
            token=credentials["SessionToken"],
        )


def root(endpoint: str, account: str, region: str) -> Actor:
    """Return an account's root, which stands for the services of AWS that act in it."""
    return Actor(endpoint=endpoint, region=region, key=account, secret=SECRET)
