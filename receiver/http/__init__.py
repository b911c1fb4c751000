"""Takes connections, and gives requests to the application and responses to senders."""
