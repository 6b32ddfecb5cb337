"""The results of a run: verdicts, the conclusion about each host, and the file that stores them."""
