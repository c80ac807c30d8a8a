terraform {
  required_version = "~> 1.11" # the first whose S3 backend locks by itself

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }

  # `python -m terraform` names the bucket, which it makes before the first apply.
  backend "s3" {
    key          = "organization.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.management]

  default_tags {
    tags = { project = "mindforce" }
  }
}
