"""What one account's role may do with another's bucket and key, as S3, KMS and IAM judge it.

MiniStack judges a foreign caller as its account's root, never asks the key of an encrypted object,
takes every resource for the caller's own, and doesn't know the tags of a role that is assumed.
"""

import re
from collections.abc import Mapping
from typing import Any

from local.aws import internals
from local.aws.responses import Response

_KEY_HEADER = "x-amz-server-side-encryption-aws-kms-key-id"
_OBJECT = re.compile(r"/(?P<bucket>[^/]+)/(?P<key>.+)")


def install() -> None:
    evaluator, s3 = internals.module("core.iam_evaluator"), internals.module("services.s3")
    internals.replace(evaluator, "_resolve_condition_key", _with_owners)
    internals.replace(s3, "_foreign_bucket_allows", _also_by_role)
    internals.replace(s3, "_get_object_data", _from_other_accounts)
    internals.replace(s3, "handle_request", _asking_the_key)
    internals.replace(internals.module("services.kms"), "key_policy_for_arn", _of_any_account)


def _with_owners(stock: Any) -> Any:
    def resolve(key: str, context: Any) -> Any:
        name, resource = key.lower(), context.resource_arn
        if name.startswith("iam:resourcetag/") and ":role/" in resource:
            return _role_tag(resource, name.removeprefix("iam:resourcetag/"))
        if name in ("s3:resourceaccount", "aws:resourceaccount") and ":s3:::" in resource:
            bucket = resource.split(":::")[1].split("/")[0]
            return internals.module("services.s3")._bucket_owner_account(bucket)
        return stock(key, context)

    return resolve


def _role_tag(role: str, name: str) -> str | None:
    account, role_name = role.split(":")[4], role.rsplit("/", 1)[-1]
    found = internals.module("services.iam")._roles.get_scoped(account, None, role_name) or {}
    tags = found.get("Tags", [])
    return next((str(tag["Value"]) for tag in tags if tag["Key"].lower() == name), None)


def _also_by_role(stock: Any) -> Any:
    """A bucket policy may name a role of another account."""

    def allows(
        owner: str,
        bucket: str,
        key: str,
        method: str,
        query: Any,
        caller: str,
        headers: Any = None,
    ) -> bool:
        if stock(owner, bucket, key, method, query, caller, headers):
            return True
        actions = internals.module("core.iam_actions")
        identity = internals.module("services.sts")._caller_identity(headers or {}, query)
        if not isinstance(identity, dict):
            return False
        path = f"/{bucket}/{key}" if key else f"/{bucket}"
        action = actions._s3_action(method, path, query)
        return bool(action) and _policy_allows(
            owner, bucket, f"{bucket}/{key}" if key else bucket, f"s3:{action}", identity
        )

    return allows


def _from_other_accounts(stock: Any) -> Any:
    """CloudFormation reads a template with its caller's permissions, wherever the bucket is."""

    def data(bucket: str, key: str, *arguments: Any, **options: Any) -> Any:
        s3 = internals.module("services.s3")
        owner = s3._bucket_owner_account(bucket)
        if owner in (None, internals.account()):
            return stock(bucket, key, *arguments, **options)
        arn = internals.module("core.iam_evaluator").caller_arn()
        caller = {
            "userArn": arn,
            "principalType": "AssumedRole",
            "accountId": internals.account(),
        }
        if not _policy_allows(owner, bucket, f"{bucket}/{key}", "s3:GetObject", caller):
            return None
        with internals.acting_in(owner):
            return stock(bucket, key, *arguments, **options)

    return data


def _policy_allows(
    owner: str, bucket: str, resource: str, action: str, caller: Mapping[str, Any]
) -> bool:
    evaluator = internals.module("core.iam_evaluator")
    policy = internals.module("services.s3")._bucket_policies.get_scoped(owner, None, bucket)
    if not policy:
        return False
    context = evaluator.EvalContext(
        principal_arn=caller["userArn"],
        principal_type=caller["principalType"],
        principal_account=caller["accountId"],
        action=action,
        resource_arn=f"arn:aws:s3:::{resource}",
        region=internals.region(),
    )
    return bool(evaluator.evaluate_resource_policy(policy, context).decision == "Allow")


def _asking_the_key(stock: Any) -> Any:
    """Who reads or writes an object under a KMS key needs the key as well, through S3."""

    # More is given where the host names the bucket, which the path then begins with all the same.
    async def handle(
        method: str, path: str, headers: Any, body: Any, query: Any, **more: Any
    ) -> Any:
        found = _OBJECT.fullmatch(path)
        if found and not query:
            refused = _refused_by_key(method, found["bucket"], found["key"], headers, path)
            if refused:
                return refused
        return await stock(method, path, headers, body, query, **more)

    return handle


def _refused_by_key(
    method: str, bucket: str, key: str, headers: Mapping[str, str], path: str
) -> Response | None:
    s3 = internals.module("services.s3")
    owner = s3._bucket_owner_account(bucket)
    if owner is None:
        return None
    if method == "PUT":
        action, arn = "kms:GenerateDataKey", headers.get(_KEY_HEADER) or _default_key(owner, bucket)
    elif method == "GET":
        action, arn = "kms:Decrypt", _object_key(owner, bucket, key)
    else:
        return None
    if not arn or ":key/" not in arn:
        return None
    region, access_key = arn.split(":")[3], _access_key(headers)
    denied = internals.module("core.iam_evaluator").enforce(
        access_key,
        action,
        "kms",
        region,
        resource_arn=arn,
        service_context={
            "kms:ViaService": f"s3.{region}.amazonaws.com",
            "kms:CallerAccount": internals.account(),
        },
    )
    if not denied:
        return None
    who = getattr(denied, "principal_arn", "") or access_key
    said = f"{who} is not authorized to perform: {action} on resource: {arn}"
    refusal: Response = s3._error("AccessDenied", said, 403, path)
    return refusal


def _default_key(owner: str, bucket: str) -> str | None:
    stored = internals.module("services.s3")._bucket_encryption.get_scoped(owner, None, bucket)
    text = stored.decode() if isinstance(stored, bytes) else str(stored or "")
    found = re.search(r"<KMSMasterKeyID>\s*([^<\s]+)", text)
    return found[1] if found else None


def _object_key(owner: str, bucket: str, key: str) -> str | None:
    s3 = internals.module("services.s3")
    record = (s3._buckets.get_scoped(owner, None, bucket) or {}).get("objects", {}).get(key)
    return str(s3._stored_sse_headers(record).get(_KEY_HEADER, "")) if record else None


def _access_key(headers: Mapping[str, str]) -> str:
    return str(internals.module("core.router").extract_access_key_id(headers, {}) or "")


def _of_any_account(stock: Any) -> Any:
    """A key of another account answers with its own policy."""

    def policy(arn: str) -> Any:
        parts = arn.split(":")
        if len(parts) < 6 or parts[4] == internals.account() or not parts[5].startswith("key/"):
            return stock(arn)
        keys = internals.module("services.kms")._keys
        record = keys.get_scoped(parts[4], parts[3], parts[5].removeprefix("key/"))
        return ((record.get("Policy") or "") if record else "", parts[4])

    return policy
