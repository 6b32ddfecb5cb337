"""What guests need on their host: the working folder and its keeper, leases, the check for leftovers."""
