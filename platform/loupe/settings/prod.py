"""Behind a TLS proxy: the secret and the hosts must be given."""

from django.core.exceptions import ImproperlyConfigured

from loupe.settings import env
from loupe.settings.base import *  # noqa: F403

SECRET_KEY = env.text("LOUPE_SECRET_KEY")
if not env.words("LOUPE_HOSTS"):
    raise ImproperlyConfigured("Set LOUPE_HOSTS to the host names people use, comma-separated.")
# Probes ask this machine by its address, over plain HTTP.
ALLOWED_HOSTS = [*env.words("LOUPE_HOSTS"), "127.0.0.1"]
SECURE_REDIRECT_EXEMPT = ["^healthz$", "^readyz$", "^metrics$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = True
SECURE_HSTS_SECONDS = 31_536_000
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
