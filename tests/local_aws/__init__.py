"""The contract of the AWS stand-in, checked through boto3 as any client sees it."""
