"""The recorder node: record labelled sessions."""
