"""Does a request know a token? Takes its headers, query and body, and the settings; gives the token that it proves."""
