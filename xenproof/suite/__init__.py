"""What wires xenproof to pytest: options, fixtures, expectations as parameters, verdicts."""
