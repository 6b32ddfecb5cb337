"""What all families of facts share: how a host is asked, and how what it printed is cut up."""
