output "execution_policies" {
  description = "What `cdk bootstrap --cloudformation-execution-policies` gets in each account."
  value = {
    dev     = module.dev.execution_policy
    stage   = module.stage.execution_policy
    prod    = module.prod.execution_policy
    tooling = module.tooling.execution_policy
  }
}
