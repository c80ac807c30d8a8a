"""What CloudFormation's own schemas say of resource types; cfn-lint carries them.

Read as files, because importing cfn-lint takes half as long as a whole synthesis.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_REGION = "us-east-1"
"""Where every type is."""
_ALSO_HOLD_DATA = {
    "AWS::EKS::Cluster",  # its etcd
    "AWS::ECR::Repository",  # its images
    "AWS::Cognito::IdentityPool",  # who somebody is
}


@cache
def create_only(kind: str) -> frozenset[str]:
    """Return the properties whose change replaces a resource, such as "Name" or "Config.Name".

    Those that replace it in some cases are among them. A type without a schema has none.
    """
    known = _load(_data() / "schemas" / "providers" / f"{_REGION}.json")
    if kind not in known:
        return frozenset()
    schema = _load(_data() / "schemas" / "resources" / f"{known[kind]}.json")
    paths = [
        *schema.get("createOnlyProperties", ()),
        *schema.get("conditionalCreateOnlyProperties", ()),
    ]
    return frozenset(path.removeprefix("/properties/").replace("/", ".") for path in paths)


@cache
def holding_data() -> frozenset[str]:
    """Return the types of what can't be had again once it is gone."""
    listed = _load(_data() / "AdditionalSpecs" / "StatefulResources.json")["ResourceTypes"]
    return frozenset({*listed, *_ALSO_HOLD_DATA})


@cache
def _load(file: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(file.read_text())
    return found


@cache
def _data() -> Path:
    spec = find_spec("cfnlint")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "data"
