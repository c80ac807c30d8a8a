"""What admission policies refuse: one that is loosened lets somebody do more."""

from collections.abc import Iterator

from guards.objects import Object
from guards.values import text


def refusals(item: Object) -> Iterator[str]:
    """Yield on a line each thing that an admission policy or its binding refuses."""
    if item["kind"] == "ValidatingAdmissionPolicy":
        spec = item["spec"]
        where = text({name: value for name, value in spec.items() if name != "validations"})
        for validation in spec["validations"]:
            yield f"all but {validation['expression']} where {where}"
    elif item["kind"] == "ValidatingAdmissionPolicyBinding":
        yield f"what {text(item['spec'])}"
