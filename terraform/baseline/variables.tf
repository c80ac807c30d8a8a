variable "budgets_usd" {
  description = "What each account may cost a month before somebody is told, in US dollars."
  type        = map(number)

  validation {
    condition     = alltrue([for name in ["management", "dev", "stage", "prod", "tooling"] : try(var.budgets_usd[name] > 0, false)])
    error_message = "budgets_usd has ${join(", ", keys(var.budgets_usd))}; it must have a sum above 0 for each of management, dev, stage, prod and tooling."
  }
}

variable "budget_to" {
  description = "Who is told that a budget runs out; null tells the e-mail address of the account."
  type        = string
  default     = null
}

variable "people" {
  description = "The roles of config/access.py that people may assume, by the group that may."
  type        = map(string)
  default     = {}
}
