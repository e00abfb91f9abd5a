"""The services: four stream processors, what they stand on, and the operator's side."""
