# What each account gets, without AWS: the providers are mocked.
mock_provider "aws" {}

mock_provider "aws" {
  alias = "dev"
}

mock_provider "aws" {
  alias = "stage"
}

mock_provider "aws" {
  alias = "prod"
}

mock_provider "aws" {
  alias = "tooling"
}

override_data {
  target = data.terraform_remote_state.organization

  values = {
    outputs = {
      emails = { dev = "aws-dev@example.com", prod = "aws-prod@example.com", stage = "aws-stage@example.com", tooling = "aws-tooling@example.com" }
      seam = {
        accounts   = { dev = "111111111111", prod = "333333333333", stage = "222222222222", tooling = "444444444444" }
        management = "555555555555"
        region     = "eu-central-1"
      }
    }
  }
}

variables {
  state  = { bucket = "mindforce-terraform-555555555555", region = "eu-central-1" }
  people = { viewer = "mindforce-viewer" }
}

run "people_assume_their_role_with_mfa_in_every_environment" {
  command = plan

  assert {
    condition     = toset(keys(aws_iam_group.people)) == toset(["viewer"])
    error_message = "A group is missing."
  }

  assert {
    condition = jsondecode(aws_iam_group_policy.people["viewer"].policy).Statement[0].Resource == [
      "arn:aws:iam::111111111111:role/mindforce-viewer",
      "arn:aws:iam::333333333333:role/mindforce-viewer",
      "arn:aws:iam::222222222222:role/mindforce-viewer",
    ]
    error_message = "The group may assume another role than its own, or not everywhere."
  }

  assert {
    condition     = jsondecode(aws_iam_group_policy.people["viewer"].policy).Statement[0].Condition.Bool["aws:MultiFactorAuthPresent"] == "true"
    error_message = "The group may assume its role without MFA."
  }
}

run "a_budget_for_each_account_is_needed" {
  command = plan

  variables {
    budgets_usd = { management = 20, dev = 300, stage = 600, prod = 0, tooling = 50 }
  }

  expect_failures = [var.budgets_usd]
}
