resource "aws_organizations_organization" "this" {
  feature_set                   = "ALL"
  aws_service_access_principals = ["cloudtrail.amazonaws.com"]
  enabled_policy_types          = ["SERVICE_CONTROL_POLICY"]

  lifecycle {
    prevent_destroy = true
  }
}

import {
  for_each = toset(var.organization == null ? [] : [var.organization])
  to       = aws_organizations_organization.this
  id       = each.value
}

locals {
  root = aws_organizations_organization.this.roots[0].id
  # A resource can't be the parent of others of its own, so each level is one.
  units = merge(
    { for path, unit in aws_organizations_organizational_unit.top : path => unit.id },
    { for path, unit in aws_organizations_organizational_unit.nested : path => unit.id },
  )
}

resource "aws_organizations_organizational_unit" "top" {
  for_each = toset([for path in var.units : path if length(split("/", path)) == 1])

  name      = each.value
  parent_id = local.root
}

resource "aws_organizations_organizational_unit" "nested" {
  for_each = toset([for path in var.units : path if length(split("/", path)) == 2])

  name      = split("/", each.value)[1]
  parent_id = aws_organizations_organizational_unit.top[split("/", each.value)[0]].id
}

resource "aws_organizations_account" "this" {
  for_each = var.accounts

  name      = each.key
  email     = each.value.email
  parent_id = local.units[each.value.unit]
  role_name = "OrganizationAccountAccessRole"

  lifecycle {
    prevent_destroy = true
    # AWS tells neither of an account that was there before.
    ignore_changes = [role_name, iam_user_access_to_billing]
  }
}

import {
  for_each = { for name, account in var.accounts : name => account.id if account.id != null }
  to       = aws_organizations_account.this[each.key]
  id       = each.value
}
