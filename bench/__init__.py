"""Measurements that can fail: `python -m bench NAME`. Each module here has `run(argv)`."""
