"""Migrations that a later version of Comptoir might bring, each folder one version.

A folder's package holds the room's real migrations too: its ``__path__`` goes on there.
"""
