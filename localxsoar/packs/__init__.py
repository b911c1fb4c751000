"""Packs, read as the server reads them: descriptors, parameters, scripts and the repository around them."""
