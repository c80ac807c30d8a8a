"""The accounts that Terraform made, from config/accounts.json."""

from config.accounts_file import read

ACCOUNTS = read()
