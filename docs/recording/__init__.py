"""The demonstration at a terminal, recorded as a picture that moves."""
