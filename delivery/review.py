"""`python -m delivery.review ENVIRONMENT …`: a page with all that would change.

Given an assembly, against what is deployed: templates and permissions as `cdk diff` tells them,
Kubernetes objects as text, and what holds data and would be replaced. It only reads, by the role
that bootstrap makes for look-ups. Given --since, without any account: against the snapshots, which
a test holds to the templates, of where this branch left another. Where the assembly isn't there,
because nothing could be synthesized, this commit's snapshots take its place.
"""

import argparse
import difflib
import html
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.exceptions import BotoCoreError, ClientError

from config.environments import TABLE
from config.model import Environment
from delivery import branch
from delivery.branch import ReviewError
from guards import assembly
from guards.assembly import Template, Templates
from guards.objects import objects, place
from guards.permissions import broadened, lines
from guards.replacement import Update
from guards.standing import problems as standing_problems

ROOT = Path(__file__).parents[1]
_CLI = ROOT / "node_modules" / ".bin" / "cdk"


def page(environment: str, old: Templates, new: Templates, diff: str) -> str:
    """Return the page as HTML."""
    update = Update(old, new)
    losses = list(update.problems(accepted={}))
    # Also what was accepted: that it was prepared by hand, only a person can know.
    standing = list(standing_problems(old, new, accepted={}))
    permissions = broadened(lines(old), lines(new))
    parts = [
        ("What holds data and would be replaced or go", "\n".join(losses) or "Nothing."),
        ("What would fail in the cluster, or stay behind", "\n".join(standing) or "Nothing."),
        ("What becomes allowed, or is denied no longer", "\n".join(permissions) or "Nothing."),
        ("What is replaced", "\n".join(update.replaced()) or "Nothing."),
        ("Kubernetes objects", "\n".join(objects_diff(old, new)) or "No change."),
        ("Templates and permissions", diff.strip() or "No change."),
    ]
    title = f"What changes in {html.escape(environment)}"
    body = "\n".join(
        f"<h2>{html.escape(heading)}</h2>\n<pre>{html.escape(text)}</pre>"
        for heading, text in parts
    )
    head = f'<meta charset="utf-8"><title>{title}</title>'
    return f"<!doctype html>\n<html><head>{head}</head><body>\n<h1>{title}</h1>\n{body}\n</body>\n"


def objects_diff(old: Templates, new: Templates) -> Iterator[str]:
    """Yield a unified diff of each Kubernetes object that changes, comes or goes."""
    before, after = dict(_objects(old)), dict(_objects(new))
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            one, other = before.get(name, "").splitlines(), after.get(name, "").splitlines()
            yield from difflib.unified_diff(one, other, f"{name} now", f"{name} then", lineterm="")


def _objects(templates: Templates) -> Iterator[tuple[str, str]]:
    for stack, item in objects(templates):
        yield f"{stack} {item['kind']} {place(item)}", yaml.safe_dump(item, sort_keys=False)


def deployed(environment: Environment, stacks: Sequence[str]) -> Templates:
    """Return the templates of an environment's stacks as they are. Raises ReviewError."""
    where = f"{environment.account}-{environment.region}"
    role = f"arn:aws:iam::{environment.account}:role/cdk-hnb659fds-lookup-role-{where}"
    try:
        made = boto3.client("sts", region_name=environment.region).assume_role(
            RoleArn=role, RoleSessionName="review"
        )["Credentials"]
        client = boto3.client(
            "cloudformation",
            region_name=environment.region,
            aws_access_key_id=made["AccessKeyId"],
            aws_secret_access_key=made["SecretAccessKey"],
            aws_session_token=made["SessionToken"],
        )
        found = {stack: _template(client, stack) for stack in stacks}
    except (BotoCoreError, ClientError) as error:
        raise ReviewError(
            f"{environment.name} can't be read: {error} ('make bootstrap' says how its account "
            "comes to trust the pipeline's)"
        ) from error
    return {stack: template for stack, template in found.items() if template is not None}


def _template(client: Any, stack: str) -> Template | None:
    try:
        body = client.get_template(StackName=stack, TemplateStage="Original")["TemplateBody"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    found: Mapping[str, Any] = json.loads(body) if isinstance(body, str) else body
    return found


def _cdk_diff(environment: str, folder: Path) -> str:
    words = [str(_CLI), "diff", f"{environment}/*", "--app", str(folder), "--method", "template"]
    done = subprocess.run(
        words, cwd=ROOT, env={**os.environ, "NO_COLOR": "1"}, capture_output=True, text=True
    )
    if done.returncode:
        raise ReviewError(f"cdk diff failed: {done.stderr.strip()[-1000:]}")
    return done.stdout + done.stderr


def _write(text: str, place: str) -> None:
    if not place.startswith("s3://"):
        Path(place).write_text(text)
        return
    bucket, _, key = place.removeprefix("s3://").partition("/")
    try:
        boto3.client("s3").put_object(
            Bucket=bucket, Key=key, Body=text.encode(), ContentType="text/html; charset=utf-8"
        )
    except (BotoCoreError, ClientError) as error:
        raise ReviewError(f"The page can't be written to {place}: {error}") from error


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when the page is there, 1 when not."""
    environments = {environment.name: environment for environment in TABLE.environments}
    parser = argparse.ArgumentParser(prog="python -m delivery.review", description=__doc__)
    parser.add_argument("environment", choices=[*environments, TABLE.tooling.name])
    parser.add_argument("assembly", nargs="?", type=Path, help="what was synthesized")
    parser.add_argument("--since", metavar="REF", help="a branch or commit, as git names it")
    parser.add_argument("--to", required=True, help="a file, or s3://BUCKET/KEY")
    given = parser.parse_args(arguments)
    name = given.environment
    if not given.since and (given.assembly is None or name not in environments):
        parser.error(f"an assembly of an environment ({', '.join(environments)}), or --since")
    try:
        if given.since:
            old, new, diff = branch.changes(name, given.since, given.assembly)
        else:
            new = assembly.read(given.assembly)[name]
            old = deployed(environments[name], list(new))
            diff = _cdk_diff(name, given.assembly)
        _write(page(name, old, new, diff), given.to)
    except (ReviewError, OSError) as error:
        print(f"FAILED: {error}")
        return 1
    print(f"What changes in {name} is at {given.to}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
