"""Moving guests between two dom0s.

Nothing is here yet.  `Guest.bind` (xenproof/guest/guest.py) binds a guest to another host, and its leases on two hosts
are taken by xenproof/guest/host/lease_on_hosts.py.  The unit tests of residences have a pair of hosts.
"""
