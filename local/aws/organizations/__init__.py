"""Organizations: made and taken away by calls, with guard rails that bind its members."""

from local.aws.organizations import accounts, guard_rails, organization, policies, units


def install() -> None:
    organization.install()
    units.install()
    accounts.install()
    policies.install()
    guard_rails.install()
