"""Sessions of customers: who is logged in, and for how long."""

import secrets
import time

LIFETIME_SECONDS = 3600


class SessionStore:
    """Keeps sessions in memory, by their token."""

    def __init__(self):
        self._sessions = {}

    def begin(self, customer):
        """Begin a session and return its token."""
        token = secrets.token_urlsafe()
        self._sessions[token] = (customer, time.time() + LIFETIME_SECONDS)
        return token

    def load(self, token):
        """Return the customer of a session, or None when it has expired."""
        customer, end = self._sessions.get(token, (None, 0))
        return customer if time.time() < end else None
