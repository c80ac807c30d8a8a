module "management" {
  source = "../account"

  budget_usd = var.budgets_usd["management"]
  budget_to  = coalesce(var.budget_to, local.emails["tooling"])
  deployable = false
}

module "dev" {
  source    = "../account"
  providers = { aws = aws.dev }

  budget_usd = var.budgets_usd["dev"]
  budget_to  = coalesce(var.budget_to, local.emails["dev"])
}

module "stage" {
  source    = "../account"
  providers = { aws = aws.stage }

  budget_usd = var.budgets_usd["stage"]
  budget_to  = coalesce(var.budget_to, local.emails["stage"])
}

module "prod" {
  source    = "../account"
  providers = { aws = aws.prod }

  budget_usd = var.budgets_usd["prod"]
  budget_to  = coalesce(var.budget_to, local.emails["prod"])
}

module "tooling" {
  source    = "../account"
  providers = { aws = aws.tooling }

  budget_usd = var.budgets_usd["tooling"]
  budget_to  = coalesce(var.budget_to, local.emails["tooling"])
}
