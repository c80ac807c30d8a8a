"""Images of Docker Hub come through the account's own registry."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.environments import DEV, TABLE
from config.model import Environment
from tests.synthesis import Synthesis, Template, manifests, plain, references
from tests.tables import WHOLE, image_cache

CACHED = image_cache(DEV)
REGISTRY = f"{DEV.account}.dkr.ecr.{DEV.region}.amazonaws.com"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    table = replace(TABLE, environments=(CACHED,))
    return Synthesis(table, tmp_path_factory.mktemp("cached")).template("dev", "Cluster")


def _images(template: Template) -> set[str]:
    return {
        container["image"]
        for item in manifests(template)
        if item["kind"] == "Deployment"
        for container in item["spec"]["template"]["spec"]["containers"]
    }


def test_the_cache_logs_in_with_a_secret_that_no_template_holds(template: Template) -> None:
    rule = template.only("AWS::ECR::PullThroughCacheRule")
    assert rule["UpstreamRegistryUrl"] == "registry-1.docker.io"
    secret = f"secretsmanager:{DEV.region}:{DEV.account}:secret:{CACHED.images.docker_hub_secret}"
    assert rule["CredentialArn"] == f"arn:aws:{secret}"
    assert not template.resources("AWS::SecretsManager::Secret")


def test_cached_repositories_are_encrypted_and_forget(template: Template) -> None:
    made = template.only("AWS::ECR::RepositoryCreationTemplate")
    rule = template.only("AWS::ECR::PullThroughCacheRule")
    assert made["Prefix"] == rule["EcrRepositoryPrefix"]
    assert made["AppliedFor"] == ["PULL_THROUGH_CACHE"]
    assert made["EncryptionConfiguration"] == {"EncryptionType": "AES256"}
    (rule,) = json.loads(made["LifecyclePolicy"])["rules"]
    assert rule["action"] == {"type": "expire"}
    # What is pulled by its digest has no tag, and may run for years.
    assert rule["selection"] | {"countNumber": 0} == {
        "tagStatus": "any",
        "countType": "imageCountMoreThan",
        "countNumber": 0,
    }
    # A repository made before its template would never forget.
    (later,) = template.resources("AWS::ECR::PullThroughCacheRule")
    (earlier,) = template.resources("AWS::ECR::RepositoryCreationTemplate")
    assert template.comes_after(later, earlier)


def test_cached_repositories_are_tagged_by_a_role_that_makes_no_others(template: Template) -> None:
    made = template.only("AWS::ECR::RepositoryCreationTemplate")
    assert {tag["Key"]: tag["Value"] for tag in made["ResourceTags"]} == DEV.tags
    role = template["Resources"][next(references(made["CustomRoleArn"]))]["Properties"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "ecr.amazonaws.com"}
    (statement,) = role["Policies"][0]["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["ecr:CreateRepository", "ecr:TagResource"]
    assert statement["Resource"].endswith(":repository/docker-hub/*")


def test_nodes_may_fill_the_cache_and_nothing_else(template: Template) -> None:
    (role,) = references(template.only("AWS::EKS::Nodegroup")["NodeRole"])
    (policy,) = template["Resources"][role]["Properties"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["ecr:BatchImportUpstreamImage", "ecr:CreateRepository"]
    account = f"arn:aws:ecr:{DEV.region}:{DEV.account}"
    assert statement["Resource"] == f"{account}:repository/docker-hub/*"


@pytest.mark.parametrize(
    ("image", "address"),
    [
        ("docker.io/a/web:1.0", f"{REGISTRY}/docker-hub/a/web:1.0"),
        ("docker.io/nginx:1.29", f"{REGISTRY}/docker-hub/library/nginx:1.29"),
        (f"docker.io/a/b@sha256:{'a' * 64}", f"{REGISTRY}/docker-hub/a/b@sha256:{'a' * 64}"),
        ("public.ecr.aws/a/b:1", "public.ecr.aws/a/b:1"),
    ],
)
def test_an_image_is_pulled_through_the_cache(tmp_path: Path, image: str, address: str) -> None:
    dev = replace(CACHED, web=replace(DEV.web, image=image))
    table = replace(TABLE, environments=(dev,))
    assert _images(Synthesis(table, tmp_path).template("dev", "Workloads")) == {address}


HELM = "Custom::AWSCDK-EKS-HelmChart"


def _named(value: Any) -> Iterator[str]:
    """Yield the images that an object, or a chart's values, names in any depth."""
    if isinstance(value, list):
        for item in value:
            yield from _named(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, str) and key.lower() in ("image", "repository"):
                yield item
            yield from _named(item)


@pytest.mark.parametrize("environment", WHOLE.environments, ids=lambda e: e.name)
def test_nothing_is_pulled_past_the_cache(environment: Environment, tmp_path: Path) -> None:
    found: dict[str, set[str]] = {}
    for stack, template in Synthesis(
        replace(TABLE, environments=(image_cache(environment),)), tmp_path
    ).all():
        values = [json.loads(plain(r["Values"])) for r in template.properties(HELM)]
        images = set(_named([manifests(template), values]))
        for image in images:
            registry, _, rest = image.partition("/")
            # A name without a registry means Docker Hub.
            assert rest, f"{stack}: {image}"
            assert "." in registry, f"{stack}: {image}"
            assert registry not in ("docker.io", "index.docker.io", "registry-1.docker.io"), stack
        found[stack.partition("-")[2]] = {_short(image) for image in images}
    assert environment.log_agent
    assert environment.database
    named = (
        environment.log_agent.image,
        environment.database.image,
        environment.backup.drill_image,
        environment.web.image,
    )
    assert found["Platform"] >= {"velero", "velero-plugin-for-aws"}
    assert found["Workloads"] >= {_short(image) for image in named}


def _short(image: str) -> str:
    return re.split("[:@]", image.rpartition("/")[2])[0]


def test_without_a_secret_images_come_from_docker_hub_itself(tmp_path: Path) -> None:
    dev = replace(DEV, images=replace(DEV.images, docker_hub_secret=None))
    synthesis = Synthesis(replace(TABLE, environments=(dev,)), tmp_path)
    assert _images(synthesis.template("dev", "Workloads")) == {DEV.web.image}
    assert not synthesis.template("dev", "Cluster").resources("AWS::ECR::PullThroughCacheRule")
