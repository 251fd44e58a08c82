"""Behind a TLS proxy: the secret and the hosts must be given."""

from loupe.settings import env
from loupe.settings.base import *  # noqa: F403

SECRET_KEY = env.text("LOUPE_SECRET_KEY")
ALLOWED_HOSTS = env.words("LOUPE_HOSTS")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = True
SECURE_HSTS_SECONDS = 31_536_000
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
