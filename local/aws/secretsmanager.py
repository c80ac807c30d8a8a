"""Secrets Manager: a secret that a stack has made up is as GetRandomPassword makes it."""

import json
from collections.abc import Mapping
from typing import Any

from local.aws import internals, responses
from local.aws.resource_types import (
    NotEmulatedError,
    boolean,
    restrict,
    set_create_only,
    tag_map,
    words,
)

_NAME = "AWS::SecretsManager::Secret"
_SWITCHES = words(
    "ExcludeLowercase ExcludeNumbers ExcludePunctuation ExcludeUppercase IncludeSpace "
    "RequireEachIncludedType"
)
_KNOWN = _SWITCHES | words(
    "ExcludeCharacters GenerateStringKey PasswordLength SecretStringTemplate"
)


def install() -> None:
    restrict(_NAME, "Description GenerateSecretString KmsKeyId Name SecretString Tags")
    set_create_only({_NAME: "Name"})
    provisioners = internals.module("services.cloudformation.provisioners")
    internals.replace(provisioners, "_sm_secret_string", _value)
    handler = internals.member(provisioners, "_RESOURCE_HANDLERS")[_NAME]
    handler["create"] = _with_tags(handler["create"])


def _with_tags(stock: Any) -> Any:
    """Make a secret with tags of its own, where MiniStack would share those of the template."""

    def create(logical_id: str, properties: Mapping[str, Any], stack: str) -> Any:
        tags = [{"Key": k, "Value": v} for k, v in tag_map(properties.get("Tags")).items()]
        return stock(logical_id, {**properties, "Tags": tags}, stack)

    return create


def _value(_stock: Any) -> Any:
    """Make what a template asks for; MiniStack leaves out most of the options."""

    def value(properties: Mapping[str, Any]) -> str:
        wanted = properties.get("GenerateSecretString")
        if wanted is None:
            return str(properties.get("SecretString", ""))
        if "SecretString" in properties:
            raise ValueError(
                f"{_NAME}: You can't specify both SecretString and GenerateSecretString."
            )
        if unknown := sorted(set(wanted) - _KNOWN):
            raise NotEmulatedError(
                f"{_NAME} GenerateSecretString: {', '.join(unknown)} is not emulated."
            )
        password = _password(wanted)
        if ("SecretStringTemplate" in wanted) != ("GenerateStringKey" in wanted):
            raise ValueError(f"{_NAME}: SecretStringTemplate and GenerateStringKey go together.")
        if "SecretStringTemplate" not in wanted:
            return password
        return json.dumps(
            {**json.loads(wanted["SecretStringTemplate"]), wanted["GenerateStringKey"]: password}
        )

    return value


def _password(wanted: Mapping[str, Any]) -> str:
    request: dict[str, Any] = {
        name: boolean(wanted[name]) for name in sorted(_SWITCHES) if name in wanted
    }
    request["PasswordLength"] = int(wanted.get("PasswordLength", 32))
    request["ExcludeCharacters"] = wanted.get("ExcludeCharacters", "")
    service = internals.module("services.secretsmanager")
    made = responses.document(service._get_random_password(request))
    return str(made["RandomPassword"])
