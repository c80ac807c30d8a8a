# What config/ reads, as it stands in config/accounts.json.
output "seam" {
  value = {
    accounts      = { for name, account in aws_organizations_account.this : name => account.id }
    email_domains = sort(distinct([for account in var.accounts : lower(split("@", account.email)[1])]))
    management    = var.management
    region        = var.region
    regions       = sort(var.regions)
    trust = {
      people   = aws_organizations_account.this["tooling"].id
      pipeline = aws_organizations_account.this["tooling"].id
    }
  }
}

# What the baseline reads besides.
output "emails" {
  value = { for name, account in var.accounts : name => account.email }
}
