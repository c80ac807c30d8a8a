"""Whether a service gets a role: by its trust policy, told for whom the service acts."""

import json

from local.aws import internals


def service_gets(role_arn: str, service: str, source_arn: str) -> bool:
    """Whether a service that acts for a resource of this account may assume a role.

    The trust policy's conditions see aws:SourceArn and aws:SourceAccount, as AWS's services send
    them against the confused deputy ("Cross-service confused deputy prevention", IAM user guide).
    """
    role = internals.module("services.iam")._roles.get(role_arn.rsplit("/", 1)[-1])
    if role is None or role["Arn"] != role_arn:
        return False
    policy = json.loads(role["AssumeRolePolicyDocument"])
    statements = policy["Statement"]
    # A trust policy names no resource: it is about the role that it is of.
    policy["Statement"] = [
        {**statement, "Resource": "*"}
        for statement in (statements if isinstance(statements, list) else [statements])
    ]
    evaluator = internals.module("core.iam_evaluator")
    context = evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action="sts:AssumeRole",
        resource_arn=role_arn,
        region=internals.region(),
        service_context={
            "aws:sourcearn": source_arn,
            "aws:sourceaccount": internals.account(),
        },
    )
    found = evaluator.evaluate_resource_policy(policy, context, service=service)
    return str(found.decision) == "Allow"
