"""What the command says when it can't do what it was asked."""


class AccountsError(Exception):
    """One sentence on what failed, where, and what would be right; the command exits with 1."""
