"""xl's configuration as data: disk specifications, the rules of backends, the series of xl, the linter."""
