# People sign in to the tooling account and assume a role of an environment from there. They are
# users in groups, not roles: a session of a role doesn't carry on that its owner had an MFA device.
resource "aws_iam_group" "people" {
  provider = aws.tooling
  for_each = var.people

  name = each.key
}

resource "aws_iam_group_policy" "people" {
  provider = aws.tooling
  for_each = var.people

  name  = "assume"
  group = aws_iam_group.people[each.key].name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "AssumeTheRole"
        Effect = "Allow"
        Action = "sts:AssumeRole"
        Resource = [
          for name, id in local.organization.accounts : "arn:aws:iam::${id}:role/${each.value}" if name != "tooling"
        ]
        Condition = { Bool = { "aws:MultiFactorAuthPresent" = "true" } }
      },
      {
        Sid      = "BringAnMfaDevice"
        Effect   = "Allow"
        Action   = ["iam:ChangePassword", "iam:EnableMFADevice", "iam:GetUser", "iam:ListMFADevices", "iam:ResyncMFADevice"]
        Resource = "arn:aws:iam::${local.organization.accounts["tooling"]}:user/$${aws:username}"
      },
      {
        Sid      = "MakeAnMfaDevice"
        Effect   = "Allow"
        Action   = "iam:CreateVirtualMFADevice"
        Resource = "arn:aws:iam::${local.organization.accounts["tooling"]}:mfa/*"
      },
    ]
  })
}
