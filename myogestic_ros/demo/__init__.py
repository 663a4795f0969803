"""Demo of the whole workflow with running nodes: record, train, predict, and report scores."""
