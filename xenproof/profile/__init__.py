"""What a host of some release must be: expectations as data, with a source for each value."""
