"""Moving guests between two dom0s.

Nothing is here yet; a guest can be bound to another host: xenproof/guest/residence.py.
"""
