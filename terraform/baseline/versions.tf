terraform {
  required_version = "~> 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }

  backend "s3" {
    key          = "baseline.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

variable "state" {
  description = "The bucket of the state, in which the organization's is too, and its region."
  type        = object({ bucket = string, region = string })
}

data "terraform_remote_state" "organization" {
  backend = "s3"

  config = {
    bucket = var.state.bucket
    region = var.state.region
    key    = "organization.tfstate"
  }
}

locals {
  organization = data.terraform_remote_state.organization.outputs.seam
  emails       = data.terraform_remote_state.organization.outputs.emails
}
