"""The health of all apps, worst first."""
