"""AWS on one machine: MiniStack with the types, checks and fixes that a platform on EKS needs."""
