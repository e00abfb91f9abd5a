"""The sample company: a shipping provider with two brands, four systems, three clients and invented people."""
