# What the organization is made of, without AWS: the provider is mocked.
mock_provider "aws" {
  override_during = plan

  mock_resource "aws_organizations_organization" {
    defaults = {
      id    = "o-a1b2c3d4e5"
      roots = [{ id = "r-ab12", arn = "", name = "Root", policy_types = [] }]
    }
  }

  mock_resource "aws_organizations_organizational_unit" {
    defaults = { id = "ou-ab12-12345678" }
  }

  mock_resource "aws_organizations_account" {
    defaults = { id = "123456789012" }
  }

  mock_resource "aws_organizations_policy" {
    defaults = { id = "p-12345678" }
  }

  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::mindforce-trail" }
  }
}

run "accounts_lie_in_units_below_the_root" {
  command = plan

  assert {
    condition     = alltrue([for unit in aws_organizations_organizational_unit.top : unit.parent_id == "r-ab12"])
    error_message = "A unit of the first level isn't below the root."
  }

  assert {
    condition     = alltrue([for account in aws_organizations_account.this : account.parent_id == "ou-ab12-12345678"])
    error_message = "An account isn't in a unit."
  }

  assert {
    condition     = toset(keys(aws_organizations_account.this)) == toset(["dev", "prod", "stage", "tooling"])
    error_message = "The accounts aren't the four."
  }
}

run "guard_rails_bind_every_account" {
  command = plan

  assert {
    condition     = toset(keys(aws_organizations_policy.guard_rail)) == toset(["membership", "public-buckets", "regions", "security"])
    error_message = "A guard rail is missing."
  }

  assert {
    condition     = alltrue([for attachment in aws_organizations_policy_attachment.guard_rail : attachment.target_id == "r-ab12"])
    error_message = "A guard rail isn't attached to the root."
  }

  assert {
    condition     = strcontains(aws_organizations_policy.guard_rail["regions"].content, "\"aws:RequestedRegion\":[\"eu-central-1\"]")
    error_message = "The regions that are allowed aren't those of the facts."
  }
}

run "the_trail_is_the_organizations_and_its_bucket_is_locked" {
  command = plan

  assert {
    condition     = aws_cloudtrail.this.is_organization_trail && aws_cloudtrail.this.is_multi_region_trail && aws_cloudtrail.this.enable_log_file_validation
    error_message = "The trail misses accounts, regions or changes of its files."
  }

  assert {
    condition     = aws_s3_bucket.trail.object_lock_enabled
    error_message = "What the trail wrote can be deleted."
  }
}

run "the_seam_has_what_config_reads" {
  command = plan

  assert {
    condition     = toset(keys(output.seam)) == toset(["accounts", "email_domains", "management", "region", "regions", "trust"])
    error_message = "config/accounts_file.py reads other fields."
  }
}

run "two_accounts_with_one_email_address_are_refused" {
  command = plan

  variables {
    accounts = {
      dev     = { email = "aws@example.com", unit = "workloads/dev" }
      stage   = { email = "AWS@example.com", unit = "workloads/stage" }
      prod    = { email = "aws-prod@example.com", unit = "workloads/prod" }
      tooling = { email = "aws-tooling@example.com", unit = "tooling" }
    }
  }

  expect_failures = [var.accounts]
}

run "a_unit_that_is_not_there_is_refused" {
  command = plan

  variables {
    units = ["tooling", "workloads", "workloads/dev", "workloads/stage"]
  }

  expect_failures = [var.accounts]
}

run "a_unit_without_the_one_above_is_refused" {
  command = plan

  variables {
    units = ["tooling", "workloads/dev", "workloads/prod", "workloads/stage"]
  }

  expect_failures = [var.units]
}

run "an_id_of_another_shape_is_refused" {
  command = plan

  variables {
    management   = "12345"
    organization = "my-organization"
  }

  expect_failures = [var.management, var.organization]
}

run "an_id_that_two_accounts_have_is_refused" {
  command = plan

  variables {
    accounts = {
      dev     = { email = "aws-dev@example.com", unit = "workloads/dev", id = "111111111111" }
      stage   = { email = "aws-stage@example.com", unit = "workloads/stage", id = "111111111111" }
      prod    = { email = "aws-prod@example.com", unit = "workloads/prod" }
      tooling = { email = "aws-tooling@example.com", unit = "tooling" }
    }
  }

  expect_failures = [var.accounts]
}

run "a_region_of_ours_that_is_not_allowed_is_refused" {
  command = plan

  variables {
    regions = ["eu-west-1"]
  }

  expect_failures = [var.regions]
}

run "a_lock_that_locks_nothing_is_refused" {
  command = plan

  variables {
    trail_lock = { mode = "NONE", days = 1 }
  }

  expect_failures = [var.trail_lock]
}
