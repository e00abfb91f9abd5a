"""The database's shapes, oldest first; each file is one step and none is ever edited."""
