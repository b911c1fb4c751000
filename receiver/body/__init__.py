"""Takes the bytes of a body as they arrive, and gives them complete, decompressed and decoded, within limits."""
