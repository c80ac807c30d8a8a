"""The policies that an account has before CDK comes, by name; terraform/account makes them."""

EXECUTION_POLICY = "mindforce-cdk-execution"
"""What CloudFormation may do."""
BOUNDARY = "mindforce-boundary"
"""What no role of a stack may do, whatever its own policies say."""
WHERE_NAMED = "terraform/baseline/{accounts,providers,outputs}.tf and its budgets_usd"
"""What a new account is written into by hand: a provider can't be made for each of a list."""
POLICIES = {EXECUTION_POLICY: "cdk-execution.json", BOUNDARY: "boundary.json"}
"""The file of each, in which ACCOUNT stands for the account's id."""
