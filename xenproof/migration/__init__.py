"""Moving guests between two dom0s.

The package is empty so far; xenproof/guest/residence.py can already bind a guest to another host.
"""
