"""What people touch: the command line and the dashboard, over the same use-cases."""
