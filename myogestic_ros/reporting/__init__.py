"""Tables, figures and HTML reports of evaluations; images of the hand."""
