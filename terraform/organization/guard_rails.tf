locals {
  guard_rails = {
    for file in fileset("${path.module}/guard-rails", "*.json") : trimsuffix(file, ".json") =>
    # Written small: AWS counts each blank.
    jsonencode(jsondecode(replace(
      file("${path.module}/guard-rails/${file}"), "\"REGIONS\"", jsonencode(sort(var.regions))
    )))
  }
}

resource "aws_organizations_policy" "guard_rail" {
  for_each = local.guard_rails

  name        = each.key
  description = "mindforce: terraform/organization/guard-rails/${each.key}.json"
  type        = "SERVICE_CONTROL_POLICY"
  content     = each.value

  depends_on = [aws_organizations_organization.this]

  lifecycle {
    precondition {
      condition     = length(each.value) <= 5120
      error_message = "The guard rail ${each.key} has ${length(each.value)} characters; AWS takes 5120."
    }
  }
}

# To the root, so that no account comes to stand outside; they never bind the management account.
resource "aws_organizations_policy_attachment" "guard_rail" {
  for_each = aws_organizations_policy.guard_rail

  policy_id = each.value.id
  target_id = local.root

  lifecycle {
    precondition {
      condition     = length(local.guard_rails) <= 4
      error_message = "There are ${length(local.guard_rails)} guard rails; AWS takes 5 a target, and FullAWSAccess is one."
    }
  }
}
