"""Takes what happened, and gives what administrators are told. Without threads and sockets."""
