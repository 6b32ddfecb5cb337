"""What all tests of xenproof itself have in common."""

from hypothesis import settings

# A busy machine is slow, not wrong: no test is about absolute time.
settings.register_profile("xenproof", deadline=None)
settings.load_profile("xenproof")
