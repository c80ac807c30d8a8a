"""The table of people-roles: what is wrong with one is said in a sentence, and none locks out."""

from dataclasses import replace
from typing import Any

import pytest

from config.access import Role, Rule
from config.environments import DEV, PROD, TABLE
from config.errors import ConfigError
from config.model import Environment
from config.people import BREAK_GLASS, VIEWER
from tests.samples import SMALL


def with_access(**changes: Any) -> Environment:
    return replace(SMALL, access=replace(SMALL.access, **changes))


def with_role(**changes: Any) -> Environment:
    return with_access(roles=(replace(VIEWER, **changes), BREAK_GLASS))


def with_rule(**changes: Any) -> Environment:
    rule = replace(Rule(resources=("pods",), verbs=("get",)), **changes)
    return with_role(workload_rules=(rule,))


@pytest.mark.parametrize(
    ("make", "change", "sentence"),
    [
        (with_access, {"identity_account": "12"}, "access.identity_account is '12'; it must be"),
        (with_access, {"pipeline_role": "me"}, "access.pipeline_role is 'me'; it must be the ARN"),
        (with_access, {"mode": "oidc"}, "access.mode is 'oidc'; it must be one of access-entries,"),
        (
            with_access,
            {"authentication_mode": "CONFIG_MAP"},
            "access.authentication_mode is 'CONFIG_MAP'; it must be one of API_AND_CONFIG_MAP, API",
        ),
        (
            with_access,
            {"authentication_mode": "API"},
            "access.api_only_for_good is ''; authentication_mode API has no way back: write 'dev'",
        ),
        (
            with_access,
            # What the base has understood, another environment has not.
            {"authentication_mode": "API", "api_only_for_good": "prod"},
            "access.api_only_for_good is 'prod'; authentication_mode API has no way back",
        ),
        (
            with_access,
            {"api_only_for_good": "dev"},
            "access.api_only_for_good is 'dev'; it must be '' unless authentication_mode is 'API'",
        ),
        (
            with_access,
            {"authentication_mode": "API", "api_only_for_good": "dev", "mode": "aws-auth"},
            "access.mode is 'aws-auth'; a cluster of authentication_mode API reads no aws-auth",
        ),
        (
            with_access,
            {"roles": (VIEWER, VIEWER, BREAK_GLASS)},
            "access.roles is ['viewer', 'viewer', 'break-glass']; each must have a name of its own",
        ),
        (
            with_access,
            {"roles": (VIEWER,)},
            "access.roles is ['viewer']; one that people assume must be break_glass",
        ),
        (
            with_access,
            {"roles": (VIEWER, replace(BREAK_GLASS, trusts="pipeline"))},
            "one that people assume must be break_glass",
        ),
        (with_role, {"name": "Viewer"}, "access.roles[Viewer].name is 'Viewer'; it must be 3 to"),
        (with_role, {"trusts": "all"}, "roles[viewer].trusts is 'all'; it must be one of people,"),
        (with_role, {"session_hours": 13}, "roles[viewer].session_hours is 13; it must be 1 to 12"),
        (with_role, {"rules": ()}, "rules is (); a role has rules, or it is break_glass"),
        (with_role, {"starts": ("web",)}, "starts is ('web',); it must be some of restore-drill,"),
        (
            with_role,
            {"sees": ("logs", "logs")},
            "sees is ('logs', 'logs'); it must be some of alarms",
        ),
        (with_role, {"break_glass": True}, "a role has rules, or it is break_glass and needs none"),
        (
            with_rule,
            {"resources": ("pod",)},
            "access.roles[viewer].workload_rules[0].resources is ('pod',); it must be some of",
        ),
        (with_rule, {"verbs": ()}, "workload_rules[0].verbs is (); it must be some of get, list,"),
    ],
)
def test_a_wrong_value_is_named_with_what_would_be_right(
    make: Any, change: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        make(**change)
    (line,) = str(caught.value).splitlines()
    assert line.startswith("environment 'dev': access.")
    assert sentence in line


def test_the_step_without_return_is_taken_by_who_names_the_environment() -> None:
    made = with_access(authentication_mode="API", api_only_for_good="dev")
    assert made.access.authentication_mode == "API"


def test_nobody_but_the_admin_reads_secrets_or_changes_who_may_do_what() -> None:
    for environment in TABLE.environments:
        for role in environment.access.roles:
            if role.break_glass or role.name == "platform-admin":
                continue
            for rule in (*role.rules, *role.workload_rules):
                assert not {"secrets", "everything"} & set(rule.resources), role.name
                if "permissions" in rule.resources or "cluster" in rule.resources:
                    assert set(rule.verbs) <= {"get", "list", "watch"}, role.name


def test_developers_change_things_in_development_only() -> None:
    def writes(role: Role) -> bool:
        return any(set(rule.verbs) - {"get", "list", "watch"} for rule in role.workload_rules)

    assert writes(DEV.access.role("developer"))
    assert not writes(PROD.access.role("developer"))
