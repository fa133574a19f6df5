"""The course as a website: the executed notebooks as pages that need no network."""
