terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

variable "budget_usd" {
  description = "A month's budget, in US dollars."
  type        = number
}

variable "budget_to" {
  description = "E-mail address that is told."
  type        = string
}

variable "deployable" {
  description = "Whether CDK deploys into the account."
  type        = bool
  default     = true
}

data "aws_caller_identity" "this" {}

# What a bucket's own settings say comes after this.
resource "aws_s3_account_public_access_block" "this" {
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_ebs_encryption_by_default" "this" {}

resource "aws_iam_account_password_policy" "this" {
  minimum_password_length        = 14
  require_lowercase_characters   = true
  require_uppercase_characters   = true
  require_numbers                = true
  require_symbols                = true
  allow_users_to_change_password = true
  password_reuse_prevention      = 24
}

resource "aws_guardduty_detector" "this" {
  enable                       = true
  finding_publishing_frequency = "FIFTEEN_MINUTES"
}

resource "aws_budgets_budget" "this" {
  name         = "month"
  budget_type  = "COST"
  limit_amount = var.budget_usd
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  dynamic "notification" {
    for_each = [["ACTUAL", 80], ["ACTUAL", 100], ["FORECASTED", 100]]

    content {
      notification_type          = notification.value[0]
      threshold                  = notification.value[1]
      threshold_type             = "PERCENTAGE"
      comparison_operator        = "GREATER_THAN"
      subscriber_email_addresses = [var.budget_to]
    }
  }
}

resource "aws_iam_policy" "execution" {
  count = var.deployable ? 1 : 0

  name        = "mindforce-cdk-execution"
  description = "What CloudFormation may do when CDK deploys: terraform/account/cdk-execution.json"
  policy      = local.execution

  lifecycle {
    precondition {
      condition     = length(local.execution) <= 6144
      error_message = "The CDK execution policy has ${length(local.execution)} characters; AWS takes 6144."
    }
  }
}

resource "aws_iam_policy" "boundary" {
  count = var.deployable ? 1 : 0

  name        = "mindforce-boundary"
  description = "What no role of a stack may do: terraform/account/boundary.json"
  policy      = file("${path.module}/boundary.json")
}

locals {
  # Written small: AWS counts what isn't blank, and so does the check above.
  execution = jsonencode(jsondecode(replace(
    file("${path.module}/cdk-execution.json"), "ACCOUNT", data.aws_caller_identity.this.account_id
  )))
}

output "execution_policy" {
  value = one(aws_iam_policy.execution[*].arn)
}
