"""Cross-validation, scores and reports of decoders."""
