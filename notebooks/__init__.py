"""The course as package data; notebooks are run and read, never imported."""
