"""What must stay gone, and what must go in time: sweeps after a restore, rows whose time is over, our own records.

A library beside the kernel: the fulfiller runs it once a day, operators by hand.
"""
