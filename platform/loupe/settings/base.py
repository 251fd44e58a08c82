"""Settings every environment shares. Nothing here imports an app's code."""

from importlib.metadata import entry_points, version
from pathlib import Path

from django.utils.translation import gettext_lazy as _

from loupe.settings import env

ROOT = Path(__file__).resolve().parents[3]
VAR = env.folder("LOUPE_VAR", ROOT / "var")
VERSION = version("loupe")

SECRET_KEY = env.text("LOUPE_SECRET_KEY", "")
DEBUG = False
PORT = env.number("LOUPE_PORT", 8000, at_least=1)
# Whether a first start makes a project, people and sample inputs to look at.
DEMO = env.flag("LOUPE_DEMO", True)
ALLOWED_HOSTS = env.words("LOUPE_HOSTS", ("127.0.0.1", "localhost", "[::1]"))
CSRF_TRUSTED_ORIGINS = env.words("LOUPE_ORIGINS")

# An app is named by the dotted path of its AppConfig; loupe.plugins checks each.
DOMAIN_APPS = sorted(point.value for point in entry_points(group="loupe.apps"))

INSTALLED_APPS = [
    "loupe.console.apps.ConsoleConfig",
    "loupe.api.apps.ApiConfig",
    "loupe.supervisor.apps.SupervisorConfig",
    "loupe.monitoring.apps.MonitoringConfig",
    "loupe.schedules.apps.SchedulesConfig",
    "loupe.sources.apps.SourcesConfig",
    "loupe.training.apps.TrainingConfig",
    "loupe.annotation.apps.AnnotationConfig",
    "loupe.datasets.apps.DatasetsConfig",
    "loupe.delivery.apps.DeliveryConfig",
    "loupe.review.apps.ReviewConfig",
    "loupe.jobs.apps.JobsConfig",
    "loupe.uploads.apps.UploadsConfig",
    "loupe.intake.apps.IntakeConfig",
    "loupe.registry.apps.RegistryConfig",
    "loupe.changes.apps.ChangesConfig",
    "loupe.accounts.apps.AccountsConfig",
    "loupe.audit.apps.AuditConfig",
    "loupe.blobs.apps.BlobsConfig",
    "loupe.plugins.apps.PluginsConfig",
    *[value.replace(":", ".") for value in DOMAIN_APPS],
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "axes",
    "csp",
    "django_celery_beat",
    "django_cotton",
    "django_htmx",
    "rest_framework",
    "rest_framework_api_key",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "loupe.monitoring.middleware.RequestLog",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "loupe.urls"
ASGI_APPLICATION = "loupe.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "loupe.console.context.frame",
            ],
        },
    }
]

DATABASES = {"default": env.database("DATABASE_URL", f"sqlite:///{VAR / 'loupe.sqlite3'}")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
ACCOUNT_ADAPTER = "loupe.accounts.adapter.ClosedSignup"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_TOLERANCE = 1  # the code before and after: one that changes on its way is still right
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
AXES_FAILURE_LIMIT = 10
AXES_VERBOSE = False
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [ROOT / "platform" / "loupe" / "locale"]
TIME_ZONE = env.text("LOUPE_TIME_ZONE", "UTC")
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = VAR / "static"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        # The one inline style of OpenSeadragon 6.1.1.
        "style-src": ["'self'", "'sha256-9xTiqzfwFaL2SGb1rmr8gysEwVVjIvqWAgmZgqFqpEE='"],
        "img-src": ["'self'", "data:", "blob:"],
        "connect-src": ["'self'"],
        "worker-src": ["'self'", "blob:"],
        "font-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "loupe.api.authentication.ApiKeyAuthentication",
        "loupe.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["loupe.api.permissions.DenyByDefault"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "loupe.api.scoped_schema.ScopedSchema",
    "EXCEPTION_HANDLER": "loupe.api.problems.handle_exception",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Loupe",
    "DESCRIPTION": "Images, tables and studies in; decisions with their evidence out.",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

BROKER_URL = env.text("BROKER_URL", f"redis+socket://{VAR / 'run' / 'valkey.sock'}")
CELERY_BROKER_URL = BROKER_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 240,
    "unacked_restore_interval": 2,
    "unacked_restore_throttle": 1,
    # Who sends a wake-up must not wait for a broker that is down: the reaper sends it again.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
}
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 120
CELERY_TASK_SOFT_TIME_LIMIT = 100
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONCURRENCY = env.number("LOUPE_WORKERS", 2, at_least=1)
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_TIMEZONE = "UTC"
# What the host itself does by the clock; a wake-up nobody took is dropped before the next one.
CELERY_BEAT_SCHEDULE = {
    "reaper": {
        "task": "loupe.jobs.recover",
        "schedule": 5.0,
        "options": {"expires": 5.0},
    },
    "watched folders": {
        "task": "loupe.jobs.poll_folders",
        "schedule": 5.0,
        "options": {"expires": 5.0},
    },
    "webhooks": {
        "task": "loupe.delivery.deliver",
        "schedule": 5.0,
        "options": {"expires": 5.0},
    },
    "schedules": {
        "task": "loupe.schedules.settle",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    },
    "sources": {
        "task": "loupe.sources.poll",
        "schedule": 2.0,
        "options": {"expires": 2.0},
    },
    "datasets": {
        "task": "loupe.datasets.recover",
        "schedule": 5.0,
        "options": {"expires": 5.0},
    },
    "small files": {
        "task": "loupe.blobs.pack",
        "schedule": 30.0,
        "options": {"expires": 30.0},
    },
    "bulk reviews": {
        "task": "loupe.review.recover",
        "schedule": 5.0,
        "options": {"expires": 5.0},
    },
    "uploads": {
        "task": "loupe.uploads.sweep",
        "schedule": 600.0,
        "options": {"expires": 600.0},
    },
}

# Blobs: a folder, or s3://bucket?endpoint_url=… through django-storages.
STORAGE_URL = env.text("STORAGE_URL", f"file://{VAR / 'blobs'}")
BLOB_CACHE_BYTES = env.number("LOUPE_BLOB_CACHE_BYTES", 4 * 2**30)
# Large pictures cut into tiles for viewers; those looked at last stay.
TILE_CACHE_BYTES = env.number("LOUPE_TILE_CACHE_BYTES", 8 * 2**30)
MODEL_REPOSITORY = env.folder("LOUPE_MODELS", VAR / "models")
ENGINE_SOCKET = env.folder("LOUPE_ENGINE_SOCKET", VAR / "run" / "engine.sock")
ENGINE_STATE = VAR / "engine"
# What resident models and shared-memory slabs may take together.
# HOST:PORT where the engine also answers the Open Inference Protocol over TCP; empty: nowhere.
ENGINE_PUBLIC = env.text("LOUPE_ENGINE_PUBLIC", "")
ENGINE_PUBLIC_TOKENS = env.text("LOUPE_ENGINE_PUBLIC_TOKENS", "")
ENGINE_PUBLIC_SHARED_MEMORY = env.flag("LOUPE_ENGINE_PUBLIC_SHARED_MEMORY", False)
ENGINE_MEMORY_BYTES = env.number("LOUPE_ENGINE_MEMORY_BYTES", 4 * 2**30, at_least=2**28)
WATCH_ROOT = env.folder("LOUPE_WATCH_ROOT", VAR / "watch")
SCRATCH = VAR / "scratch"
# Uploads on their way in; on one file system with the blobs, so that storing is a rename.
SPOOL = VAR / "spool"
# Uploads that come in parts, until they are submitted; on the same file system again.
UPLOADS = VAR / "uploads"

# Limits of intake. Each refusal names the limit and its variable.
MAX_UPLOAD_BYTES = env.number("LOUPE_MAX_UPLOAD_BYTES", 4 * 2**30, at_least=1)
# Uploads in parts: one file, unfinished ones of a project, how long one waits for its next part.
MAX_RESUMABLE_BYTES = env.number("LOUPE_MAX_RESUMABLE_BYTES", 64 * 2**30, at_least=1)
MAX_OPEN_UPLOADS = env.number("LOUPE_MAX_OPEN_UPLOADS", 100, at_least=1)
UPLOAD_HOURS = env.number("LOUPE_UPLOAD_HOURS", 48, at_least=1)
MAX_FILES = env.number("LOUPE_MAX_FILES", 20_000, at_least=1)
MAX_ARCHIVE_BYTES = env.number("LOUPE_MAX_ARCHIVE_BYTES", 16 * 2**30, at_least=1)
MAX_COMPRESSION_RATIO = env.number("LOUPE_MAX_COMPRESSION_RATIO", 200, at_least=1)
MIN_FREE_BYTES = env.number("LOUPE_MIN_FREE_BYTES", 256 * 2**20)
SANDBOX_MEMORY_BYTES = env.number("LOUPE_SANDBOX_MEMORY_BYTES", 2 * 2**30, at_least=2**28)

# Calls a second of one API key or person, on average; bursts may be twice that.
API_RATE = env.number("LOUPE_API_RATE", 500, at_least=1)

LEASE_SECONDS = env.number("LOUPE_LEASE_SECONDS", 30, at_least=1)
MAX_ATTEMPTS = env.number("LOUPE_MAX_ATTEMPTS", 3, at_least=1)
# Items that take minutes: how many at once, and how long one may say nothing before it is ended.
LONG_ITEMS = env.number("LOUPE_LONG_ITEMS", 1, at_least=1)
SILENT_SECONDS = env.number("LOUPE_SILENT_SECONDS", 600, at_least=1)
# One training at a time on each: "auto", "cpu", or GPUs by number, e.g. "0,1".
TRAINING_DEVICES = env.words("LOUPE_TRAINING_DEVICES", ("auto",))
# How long the checkpoint of a failed or cancelled training waits to be resumed.
TRAINING_KEPT_DAYS = env.number("LOUPE_TRAINING_KEPT_DAYS", 14, at_least=1)

FILE_UPLOAD_HANDLERS = ["loupe.intake.upload.SpoolToDisk"]
# Under ASGI this is also what of a body stays in memory before it goes to disk; 0 would be all.
FILE_UPLOAD_MAX_MEMORY_SIZE = 2**16
# The handler counts files itself and refuses with a sentence; one path field per file.
DATA_UPLOAD_MAX_NUMBER_FILES = None
DATA_UPLOAD_MAX_NUMBER_FIELDS = MAX_FILES + 1000
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 2**20

# Networks that webhooks may reach although they are not public, e.g. 10.20.0.0/16.
WEBHOOK_ALLOW = env.networks("LOUPE_WEBHOOK_ALLOW")
# The same for cameras and other HTTP sources, and the largest file one may give.
SOURCE_ALLOW = env.networks("LOUPE_SOURCE_ALLOW")
SOURCE_BYTES = env.number("LOUPE_SOURCE_BYTES", 256 * 2**20, at_least=1)
# Lets a Prometheus on another machine read /metrics; without it only this machine may.
METRICS_TOKEN = env.text("LOUPE_METRICS_TOKEN", "")

LOGGING_CONFIG = "loupe.monitoring.logs.configure"
LOGGING = {"version": 1}  # not empty: else Django does not call the line above
