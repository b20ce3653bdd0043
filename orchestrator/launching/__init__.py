"""A launch without a command line: what the commands and `from orchestrator import run_launch` share.

Nothing in here prints, asks, handles signals, sets up logging or ends the process.
"""
