"""The people-roles of config/people.py, as Terraform makes groups that may assume them."""

from collections.abc import Mapping

from config.people import ROLES


def groups() -> Mapping[str, str]:
    """Return the name of the IAM role that each group may assume, in every environment."""
    return {role.name: role.iam_name for role in ROLES if role.trusts == "people"}
