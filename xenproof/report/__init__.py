"""The verdict model and what is written from it: JUnit, JSON, HTML."""
