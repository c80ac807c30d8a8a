"""CloudFormation's engine: what doesn't depend on each other is provisioned at the same time."""

from local.aws import internals
from local.aws.cloudformation import change_sets, conditions, states
from local.aws.cloudformation.deletion import delete
from local.aws.cloudformation.deployment import deploy
from local.aws.cloudformation.rollback import roll_back

_PACKAGE = "services.cloudformation"


def install() -> None:
    conditions.install()
    states.install()
    change_sets.install()
    stacks, handlers, changesets = (
        internals.module(f"{_PACKAGE}.{name}") for name in ("stacks", "handlers", "changesets")
    )
    internals.replace_in((stacks, handlers, changesets), "_deploy_stack_async", lambda _: deploy)
    internals.replace_in((stacks, handlers), "_delete_stack_async", lambda _: delete)
    internals.replace_in((stacks, handlers), "_roll_back_operation", lambda _: roll_back)
