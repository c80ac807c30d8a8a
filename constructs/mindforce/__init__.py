"""AWS building blocks of the platform; they know no environment."""
