# A provider can't rest on accounts that its own root makes; hence this root beside `organization`.
provider "aws" {
  region              = local.organization.region
  allowed_account_ids = [local.organization.management]

  default_tags {
    tags = { project = "mindforce" }
  }
}

provider "aws" {
  alias               = "dev"
  region              = local.organization.region
  allowed_account_ids = [local.organization.accounts["dev"]]

  assume_role {
    role_arn = "arn:aws:iam::${local.organization.accounts["dev"]}:role/OrganizationAccountAccessRole"
  }

  default_tags {
    tags = { project = "mindforce" }
  }
}

provider "aws" {
  alias               = "stage"
  region              = local.organization.region
  allowed_account_ids = [local.organization.accounts["stage"]]

  assume_role {
    role_arn = "arn:aws:iam::${local.organization.accounts["stage"]}:role/OrganizationAccountAccessRole"
  }

  default_tags {
    tags = { project = "mindforce" }
  }
}

provider "aws" {
  alias               = "prod"
  region              = local.organization.region
  allowed_account_ids = [local.organization.accounts["prod"]]

  assume_role {
    role_arn = "arn:aws:iam::${local.organization.accounts["prod"]}:role/OrganizationAccountAccessRole"
  }

  default_tags {
    tags = { project = "mindforce" }
  }
}

provider "aws" {
  alias               = "tooling"
  region              = local.organization.region
  allowed_account_ids = [local.organization.accounts["tooling"]]

  assume_role {
    role_arn = "arn:aws:iam::${local.organization.accounts["tooling"]}:role/OrganizationAccountAccessRole"
  }

  default_tags {
    tags = { project = "mindforce" }
  }
}
