"""The operator's side: provisioning, the command line, what is watched and decided. No Faust here."""
