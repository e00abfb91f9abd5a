"""History that cannot be edited unseen: hash chains per topic-partition, signed roots over all of them, proofs."""
