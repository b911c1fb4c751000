"""Takes the text of a body, and gives the incidents that its payloads become."""
