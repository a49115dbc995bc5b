"""``featx compare``: the whole answer from one command, from cheap to dear, within a time that the user sets."""
