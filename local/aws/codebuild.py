"""CodeBuild: a project is kept whole; a build is under way until who runs it says how it ended."""

import time
from typing import Any

from local.aws import internals
from local.aws.resource_types import (
    Properties,
    before_provisioning,
    camel,
    refuse_unknown,
    restrict,
    words,
)

_NAME = "AWS::CodeBuild::Project"
_KEPT = ("Cache", "LogsConfig", "EncryptionKey")
_ENVIRONMENT = words(
    "ComputeType EnvironmentVariables Image ImagePullCredentialsType PrivilegedMode Type"
)
_SOURCE = words("Auth BuildSpec GitCloneDepth Location ReportBuildStatus Type")
_TRIGGERS = words("FilterGroups PullRequestBuildPolicy Webhook")


def install() -> None:
    service = internals.module("services.codebuild")
    restrict(
        _NAME,
        "Artifacts Cache Description EncryptionKey Environment LogsConfig Name ServiceRole Source "
        "Tags TimeoutInMinutes Triggers",
    )
    before_provisioning(_NAME, _check)
    handlers = internals.member(
        internals.module("services.cloudformation.provisioners"), "_RESOURCE_HANDLERS"
    )[_NAME]
    for operation, position in (("create", 1), ("update", 2)):
        handlers[operation] = _whole(handlers[operation], position)
    internals.replace(service, "_project_shape", _with_the_rest)
    internals.replace(service, "_make_build_record", _under_way)


def finish(identifier: str, status: str) -> None:
    """Record how a build ended. Raises KeyError for one that isn't there."""
    build = internals.module("services.codebuild")._builds[identifier]
    build.update(buildStatus=status, currentPhase="COMPLETED", endTime=int(time.time()))


def _check(properties: Properties) -> None:
    refuse_unknown(f"{_NAME} Environment", properties["Environment"], _ENVIRONMENT)
    refuse_unknown(f"{_NAME} Source", properties["Source"], _SOURCE)
    refuse_unknown(f"{_NAME} Triggers", properties.get("Triggers", {}), _TRIGGERS)
    role = str(properties["ServiceRole"])
    roles = internals.module("services.iam")._roles
    if roles.get_scoped(role.split(":")[4], None, role.rsplit("/", 1)[-1]) is None:
        raise ValueError(f"CodeBuild is not authorized to perform: sts:AssumeRole on {role}")
    auth = properties["Source"].get("Auth", {})
    if auth.get("Type") == "CODECONNECTIONS":
        _check_connection(role, str(auth["Resource"]))


def _check_connection(role: str, connection: str) -> None:
    """CodeBuild tries a project's connection, as its role, when the project is made or changed."""
    evaluator, account = internals.module("core.iam_evaluator"), role.split(":")[4]
    gather = internals.member(evaluator, "_gather_role_policies")
    for name in ("GetConnection", "GetConnectionToken"):
        context = evaluator.EvalContext(
            principal_arn=role,
            principal_type="AssumedRole",
            principal_account=account,
            action=f"{connection.split(':')[2]}:{name}",
            resource_arn=connection,
            region=internals.region(),
        )
        if (
            evaluator.evaluate(context, gather(role.rsplit("/", 1)[-1], account)).decision
            != "Allow"
        ):
            raise ValueError(
                f"OAuthProviderException: {role} may not {context.action} {connection}"
            )


def _whole(stock: Any, position: int) -> Any:
    """Keep what MiniStack forgets."""

    def call(*arguments: Any) -> Any:
        made = stock(*arguments)
        record, wanted = (
            internals.module("services.codebuild")._projects[made[0]],
            arguments[position],
        )
        for name in _KEPT:
            member = name[:1].lower() + name[1:]
            if name in wanted:
                record[member] = camel(wanted[name])
            else:
                record.pop(member, None)
        # Nobody calls it: there is no provider here.
        record.pop("webhook", None)
        if "Triggers" in wanted:
            asked = camel(wanted["Triggers"])
            record["webhook"] = {k: v for k, v in asked.items() if k != "webhook"}
        return made

    return call


def _with_the_rest(stock: Any) -> Any:
    def shape(project: dict[str, Any]) -> dict[str, Any]:
        kept = {
            name: project[name]
            for name in ("cache", "logsConfig", "encryptionKey")
            if name in project
        }
        return {**stock(project), **kept}

    return shape


def _under_way(stock: Any) -> Any:
    """MiniStack calls every build a success at once."""

    def make(*arguments: Any, **options: Any) -> dict[str, Any]:
        build: dict[str, Any] = stock(*arguments, **options)
        del build["endTime"]
        submitted = {**build["phases"][0]}
        build.update(buildStatus="IN_PROGRESS", currentPhase="QUEUED", phases=[submitted])
        return build

    return make
