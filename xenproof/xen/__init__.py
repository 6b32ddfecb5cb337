"""Acting on a live dom0: xl, xenstore, domain configurations."""
