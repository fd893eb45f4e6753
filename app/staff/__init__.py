"""The staff console: accounts, inbox, inquiries, notices and the audit log, below ``/staff/``.

The site imports ``console`` only if STAFF_CONSOLE is on. Commands import ``accounts`` and
``models``, which need no web framework.
"""
