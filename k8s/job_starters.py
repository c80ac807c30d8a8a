"""Who may start a CronJob by hand: make a Job that is as the CronJob has it, and no other.

Rights name kinds, not what is in them: who may make a Job could run any pod as any service account
of its namespace, and Velero's is the cluster's administrator.
"""

from collections.abc import Sequence

from k8s.drill_image import Manifest

_ADMISSION = "admissionregistration.k8s.io/v1"
_RBAC = "rbac.authorization.k8s.io"
_NOWHERE_ELSE = "start-nowhere-else"
_GENERATED = (
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
    "controller-uid",
    "job-name",
)
"""Labels that the API server puts on a Job's pods."""


def start_policy(cron_job: str, *, namespace: str, groups: Sequence[str]) -> list[Manifest]:
    """Return the admission policy that holds groups to starting a CronJob, and its binding.

    It has to stay as long as the cluster: an API server that has seen the last policy about
    CronJobs go reads none for the next one, and refuses all (policy_source.go of Kubernetes 1.36).
    """
    name = _name(cron_job)
    policy = {
        "paramKind": {"apiVersion": "batch/v1", "kind": "CronJob"},
        **_of_jobs_by(groups),
        "variables": [
            {"name": "wanted", "expression": "params.spec.jobTemplate.spec"},
            {"name": "pod", "expression": "object.spec.template"},
            {"name": "generated", "expression": str([*_GENERATED])},
            *_marks("labels"),
            *_marks("annotations"),
        ],
        "validations": _validations(cron_job),
    }
    binding = {
        "policyName": name,
        "validationActions": ["Deny"],
        # To deny would deny the Jobs of everybody as long as there is none: it is looked for before
        # it is asked whose the Job is. The right comes, and goes, with the CronJob.
        "paramRef": {"name": cron_job, "parameterNotFoundAction": "Allow"},
        "matchResources": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
        },
    }
    return [
        _admission("ValidatingAdmissionPolicy", name, policy),
        _admission("ValidatingAdmissionPolicyBinding", name, binding),
    ]


def nowhere_else(namespaces: Sequence[str], *, groups: Sequence[str]) -> list[Manifest]:
    """Return the admission policy by which groups make Jobs in these namespaces only.

    A restore into another namespace brings the right to start a CronJob along.
    """
    names = ", ".join(f"'{name}'" for name in namespaces)
    policy = {
        **_of_jobs_by(groups),
        "validations": [
            _only(
                f"request.namespace in [{names}]",
                f"Jobs are started by hand in {' and '.join(namespaces)} only.",
            )
        ],
    }
    binding = {"policyName": _NOWHERE_ELSE, "validationActions": ["Deny"]}
    return [
        _admission("ValidatingAdmissionPolicy", _NOWHERE_ELSE, policy),
        _admission("ValidatingAdmissionPolicyBinding", _NOWHERE_ELSE, binding),
    ]


def start_right(cron_job: str, *, namespace: str, groups: Sequence[str]) -> list[Manifest]:
    """Return the right to start a CronJob, which needs its policy.

    Its objects are there for no groups, too: kubectl takes subjects away, but never a binding.
    """
    name = _name(cron_job)
    metadata: Manifest = {"name": name, "namespace": namespace}
    may = [{"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create"]}]
    return [
        {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": metadata, "rules": may},
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": name},
            "subjects": [{"apiGroup": _RBAC, "kind": "Group", "name": one} for one in groups],
        },
    ]


def _of_jobs_by(groups: Sequence[str]) -> Manifest:
    """Return what a policy is about: Jobs that somebody of these groups makes."""
    whose = ", ".join(f"'{group}'" for group in groups)
    jobs = {
        "apiGroups": ["batch"],
        "apiVersions": ["*"],
        "operations": ["CREATE"],
        "resources": ["jobs"],
    }
    return {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [jobs]},
        "matchConditions": [
            {
                "name": "groups",
                "expression": f"request.userInfo.groups.exists(one, one in [{whose}])",
            }
        ],
    }


def _validations(cron_job: str) -> list[Manifest]:
    wanted = "variables.wanted"
    return [
        _only(
            f"variables.pod.spec == {wanted}.template.spec",
            f"A Job that is started by hand has the pod of the CronJob {cron_job}.",
        ),
        # By labels networks let pods through, by annotations Velero runs commands in them.
        _only(
            "variables.labels.all(key, key in variables.generated || "
            "(key in variables.wantedLabels && "
            "variables.labels[key] == variables.wantedLabels[key])) && "
            "variables.wantedLabels.all(key, key in variables.labels) && "
            "variables.annotations == variables.wantedAnnotations && "
            "!has(variables.pod.metadata.finalizers)",
            f"The pod of a Job that is started by hand is marked as the CronJob {cron_job} has it.",
        ),
        _only(
            f"object.spec.?activeDeadlineSeconds == {wanted}.?activeDeadlineSeconds && "
            f"object.spec.?backoffLimit == {wanted}.?backoffLimit && "
            "object.spec.?parallelism.orValue(1) == 1 && "
            "object.spec.?completions.orValue(1) == 1 && "
            "!object.spec.?manualSelector.orValue(false)",
            f"A Job that is started by hand is one pod, for as long as the CronJob {cron_job} has "
            "it.",
        ),
    ]


def _name(cron_job: str) -> str:
    return f"start-{cron_job}"


def _marks(field: str) -> list[Manifest]:
    """Return variables of a Job's pod's labels or annotations, and of those that it is to have."""
    found = f"metadata.?{field}.orValue({{}})"
    return [
        {"name": field, "expression": f"variables.pod.?{found}"},
        {"name": f"wanted{field.title()}", "expression": f"variables.wanted.template.?{found}"},
    ]


def _only(expression: str, message: str) -> Manifest:
    return {"expression": expression, "message": message, "reason": "Forbidden"}


def _admission(kind: str, name: str, spec: Manifest) -> Manifest:
    return {"apiVersion": _ADMISSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
