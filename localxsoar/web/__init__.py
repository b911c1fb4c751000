"""HTTP: the server at the front, the XSOAR API, the routes of the page, and the page."""
