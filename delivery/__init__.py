"""What a pipeline runs beside the app, each a command with an exit code."""
