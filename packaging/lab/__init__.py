"""A private mail system on loopback: Postfix, Dovecot, nsd and the four daemons in one directory.

quickstart.py shows mail going through it; the end-to-end tests use the same parts. Nothing outside the
directory is written, every server is stopped by the process id that was started.
"""
