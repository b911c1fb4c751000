"""What an administrator adds on a server: nothing."""
