"""What runs in Lambda: each package is a function's code, by relative imports only."""
