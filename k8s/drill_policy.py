"""What the restore drill may not ask Velero for, whose rights are the cluster's administrator's.

Rights name kinds, not what is in them: who may make a Restore could have Velero change any object.
"""

from collections.abc import Mapping, Sequence

from k8s.drill_image import Manifest

_ADMISSION = "admissionregistration.k8s.io/v1"


def drill_policy(
    name: str, *, namespace: str, account: str, targets: Mapping[str, str], modifier: str
) -> Sequence[Manifest]:
    """Return the admission policy of the account's Restores and ConfigMaps, and its binding.

    It may restore the namespaces of `targets`, each into the one of that, which isn't there before,
    and change what it restores by the ConfigMap `modifier`.
    """
    pairs = ", ".join(f"'{source}': '{target}'" for source, target in targets.items())
    into = ", ".join(f"{source} into {target}" for source, target in targets.items())
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "resourceRules": [
                _made("velero.io", "restores"),
                _made("", "configmaps"),
            ],
        },
        "matchConditions": [
            {
                "name": "account",
                "expression": "request.userInfo.username == "
                f"'system:serviceaccount:{namespace}:{account}'",
            }
        ],
        "variables": [
            {"name": "restore", "expression": "request.resource.resource == 'restores'"},
            {"name": "targets", "expression": f"{{{pairs}}}"},
        ],
        "validations": [
            _only(
                f"variables.restore || request.name == '{modifier}'",
                f"A drill makes no ConfigMap but {modifier}.",
            ),
            _of_restores(
                "has(object.spec.includedNamespaces) && has(object.spec.namespaceMapping) && "
                "object.spec.includedNamespaces.size() > 0 && "
                "object.spec.includedNamespaces.all(name, name in variables.targets && "
                "name in object.spec.namespaceMapping && "
                "object.spec.namespaceMapping[name] == variables.targets[name])",
                f"A drill restores {into}, and nothing else.",
            ),
            _of_restores(
                "!has(object.spec.existingResourcePolicy) || "
                "object.spec.existingResourcePolicy in ['', 'none']",
                "A drill changes nothing that is there: existingResourcePolicy must be none.",
            ),
            _of_restores(
                "has(object.spec.includeClusterResources) && !object.spec.includeClusterResources",
                "A drill restores nothing outside of namespaces: includeClusterResources must be "
                "false.",
            ),
            _of_restores(
                "has(object.spec.resourceModifier) && "
                "object.spec.resourceModifier.kind == 'ConfigMap' && "
                f"object.spec.resourceModifier.name == '{modifier}'",
                f"A drill changes what it restores by the ConfigMap {modifier}.",
            ),
            _of_restores(
                "!has(object.spec.hooks) || !has(object.spec.hooks.resources) || "
                "object.spec.hooks.resources.size() == 0",
                "A drill runs nothing: a Restore of it has no hooks.",
            ),
        ],
    }
    return [
        _object("ValidatingAdmissionPolicy", name, spec),
        _object(
            "ValidatingAdmissionPolicyBinding",
            name,
            {"policyName": name, "validationActions": ["Deny"]},
        ),
    ]


def _made(group: str, resource: str) -> Manifest:
    return {
        "apiGroups": [group],
        "apiVersions": ["*"],
        "operations": ["CREATE", "UPDATE"],
        "resources": [resource],
    }


def _only(expression: str, message: str) -> Manifest:
    return {"expression": expression, "message": message, "reason": "Forbidden"}


def _of_restores(expression: str, message: str) -> Manifest:
    return _only(f"!variables.restore || ({expression})", message)


def _object(kind: str, name: str, spec: Manifest) -> Manifest:
    return {"apiVersion": _ADMISSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
