"""The policies that an account has before CDK comes, by name; terraform/account makes them."""

EXECUTION_POLICY = "mindforce-cdk-execution"
"""What CloudFormation may do."""
BOUNDARY = "mindforce-boundary"
"""What no role of a stack may do, whatever its own policies say."""
POLICIES = {EXECUTION_POLICY: "cdk-execution.json", BOUNDARY: "boundary.json"}
"""The file of each, in which ACCOUNT stands for the account's id."""
