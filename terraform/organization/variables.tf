variable "management" {
  description = "Id of the account that owns the organization. It holds nothing else."
  type        = string

  validation {
    condition     = can(regex("^\\d{12}$", var.management))
    error_message = "management is '${var.management}'; it must be the 12 digits of an AWS account."
  }
}

variable "organization" {
  description = "Id of an organization that exists already, to take it over; null makes one."
  type        = string
  default     = null

  validation {
    condition     = var.organization == null || can(regex("^o-[a-z0-9]{10,32}$", var.organization))
    error_message = "organization is '${var.organization == null ? "" : var.organization}'; it must be an id such as 'o-a1b2c3d4e5'."
  }
}

variable "region" {
  description = "Where everything of ours is."
  type        = string
}

variable "regions" {
  description = "Where the accounts may do anything; services without a region are allowed besides."
  type        = set(string)

  validation {
    condition     = contains(var.regions, var.region)
    error_message = "regions are ${join(", ", var.regions)}; ${var.region}, where everything of ours is, must be one of them."
  }

  validation {
    condition     = alltrue([for region in var.regions : can(regex("^[a-z]{2}(-[a-z]+)+-\\d$", region))])
    error_message = "regions are ${join(", ", var.regions)}; each must be an AWS region such as 'eu-central-1'."
  }
}

variable "units" {
  description = "Organizational units by their paths, two levels at most."
  type        = set(string)

  validation {
    condition     = alltrue([for path in var.units : can(regex("^[a-z0-9]+(/[a-z0-9]+)?$", path))])
    error_message = "units are ${join(", ", var.units)}; each must be a name, or two with a slash between."
  }

  validation {
    condition     = alltrue([for path in var.units : contains(var.units, split("/", path)[0])])
    error_message = "units are ${join(", ", var.units)}; the unit above each of them must be there too."
  }
}

variable "accounts" {
  description = "Accounts by name. `id` takes an account over that is in the organization already."
  type = map(object({
    email = string
    unit  = string
    id    = optional(string)
  }))

  validation {
    condition     = alltrue([for name in ["dev", "stage", "prod", "tooling"] : contains(keys(var.accounts), name)])
    error_message = "accounts are ${join(", ", keys(var.accounts))}; dev, stage, prod and tooling must be among them."
  }

  validation {
    condition = length(distinct([for account in var.accounts : lower(account.email)])) == length(var.accounts)
    error_message = join(" ", [
      for email in distinct([for account in var.accounts : lower(account.email)]) :
      "${join(" and ", [for name, account in var.accounts : name if lower(account.email) == email])} have the e-mail address ${email}; each account must have its own."
      if length([for account in var.accounts : account if lower(account.email) == email]) > 1
    ])
  }

  validation {
    condition     = alltrue([for account in var.accounts : can(regex("^[^@\\s]+@([a-z0-9-]+\\.)+[a-z]{2,}$", account.email))])
    error_message = "E-mail addresses are ${join(", ", [for account in var.accounts : account.email])}; each must be one at a domain of yours."
  }

  validation {
    condition = alltrue([for account in var.accounts : contains(var.units, account.unit)])
    error_message = join(" ", [
      for name, account in var.accounts :
      "The unit of ${name} is '${account.unit}'; it must be one of ${join(", ", var.units)}."
      if !contains(var.units, account.unit)
    ])
  }

  validation {
    condition = alltrue([for account in var.accounts : can(regex("^\\d{12}$", account.id)) if account.id != null])
    error_message = join(" ", [
      for name, account in var.accounts :
      "The id of ${name} is '${account.id}'; it must be the 12 digits of an AWS account."
      if account.id != null && !can(regex("^\\d{12}$", account.id))
    ])
  }

  validation {
    condition = length(distinct(concat(
      [var.management], [for account in var.accounts : account.id if account.id != null]
    ))) == 1 + length([for account in var.accounts : account if account.id != null])
    error_message = "Ids are ${join(", ", [for account in var.accounts : account.id if account.id != null])}; each account must have its own, and none that of the management account, ${var.management}."
  }
}

variable "trail_lock" {
  description = "How long nobody deletes what the trail wrote, and whether an administrator may."
  type        = object({ mode = string, days = number })
  default     = { mode = "GOVERNANCE", days = 365 }

  validation {
    condition     = contains(["GOVERNANCE", "COMPLIANCE"], var.trail_lock.mode) && var.trail_lock.days >= 1
    error_message = "trail_lock is ${var.trail_lock.mode} for ${var.trail_lock.days} days; it must be GOVERNANCE or COMPLIANCE for at least 1."
  }
}
