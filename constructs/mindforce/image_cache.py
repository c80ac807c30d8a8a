"""Images of Docker Hub by way of the account's own registry."""

import json
from collections.abc import Mapping, Sequence

from aws_cdk import aws_ecr
from constructs import Construct

from mindforce.policy import Statement
from mindforce.roles import ServiceRole
from mindforce.trust import service_trust

PREFIX = "docker-hub"
"""What the names of the cached repositories begin with."""
UPSTREAM = "docker.io/"

_MOST_IMAGES = 100
_RULES = (
    # None for what has no tag: what is pulled by its digest has none, and runs.
    {
        "rulePriority": 1,
        "description": "the oldest, which can be had from Docker Hub again",
        "selection": {
            "tagStatus": "any",
            "countType": "imageCountMoreThan",
            "countNumber": _MOST_IMAGES,
        },
        "action": {"type": "expire"},
    },
)


class ImageCache(Construct):
    """A registry that fetches an image of Docker Hub when it is first pulled, logged in there."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        account: str,
        region: str,
        secret_name: str,
        tags: Mapping[str, str],
    ) -> None:
        """Make the cache; `secret_name` is a secret with `username` and `accessToken`.

        `tags` are those of the repositories that it makes.
        """
        super().__init__(scope, id)
        self._registry = f"{account}.dkr.ecr.{region}.amazonaws.com"
        self._repositories = f"arn:aws:ecr:{region}:{account}:repository/{PREFIX}/*"
        # ECR tags as nobody without a role ("Create a custom policy for repository creation
        # templates" in its user guide).
        maker = ServiceRole(
            self,
            "Maker",
            trust=service_trust("ecr.amazonaws.com"),
            statements=[
                {
                    "Action": ["ecr:CreateRepository", "ecr:TagResource"],
                    "Resource": self._repositories,
                }
            ],
        )
        template = aws_ecr.CfnRepositoryCreationTemplate(
            self,
            "Template",
            prefix=PREFIX,
            description="Repositories that the cache of Docker Hub makes",
            applied_for=["PULL_THROUGH_CACHE"],
            # Tags move on Docker Hub too; what must not move is pulled by digest.
            image_tag_mutability="MUTABLE",
            encryption_configuration=(
                aws_ecr.CfnRepositoryCreationTemplate.EncryptionConfigurationProperty(
                    encryption_type="AES256"
                )
            ),
            lifecycle_policy=json.dumps({"rules": _RULES}),
            custom_role_arn=maker.arn,
            resource_tags=[{"key": key, "value": value} for key, value in tags.items()],
        )
        rule = aws_ecr.CfnPullThroughCacheRule(
            self,
            "Rule",
            ecr_repository_prefix=PREFIX,
            upstream_registry="docker-hub",
            upstream_registry_url="registry-1.docker.io",
            credential_arn=f"arn:aws:secretsmanager:{region}:{account}:secret:{secret_name}",
        )
        # A repository made before the template would never have its lifecycle.
        rule.add_resource_dependency(template)

    def address(self, image: str) -> str:
        """Return where nodes pull an image: through the cache if it is one of Docker Hub's.

        Docker Hub's own images, such as docker.io/nginx, are in its repository `library`.
        """
        if not image.startswith(UPSTREAM):
            return image
        path = image.removeprefix(UPSTREAM)
        return f"{self._registry}/{PREFIX}/{path if '/' in path else f'library/{path}'}"

    @property
    def pull_statements(self) -> Sequence[Statement]:
        """What a role that pulls needs beside the right to pull: the first pull fills the cache."""
        actions = ["ecr:BatchImportUpstreamImage", "ecr:CreateRepository"]
        return [{"Action": actions, "Resource": self._repositories}]
