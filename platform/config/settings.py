"""Every setting, read from the environment once. Nothing here talks to a server."""

import os
from pathlib import Path

import dj_database_url

from config import keys, places

ROOT = Path(__file__).resolve().parents[2]

EXPUNGE_VAR = places.var(ROOT)
EXPUNGE_ASSETS = places.assets(ROOT)
EXPUNGE_KEYS = EXPUNGE_VAR / "keys"
EXPUNGE_LOG_KEYS = places.log_keys(EXPUNGE_KEYS)
EXPUNGE_STORE = Path(os.environ.get("EXPUNGE_STORE") or EXPUNGE_VAR / "store")
EXPUNGE_VAULT_KEY = keys.load(EXPUNGE_KEYS, "vault")
# Who keeps the keys that wrap subject keys: corpus/wrapping.py.
EXPUNGE_KEY_ENCRYPTION = os.environ.get("EXPUNGE_KEY_ENCRYPTION") or "corpus.wrapping.KeyFile"
# The file that no restored database takes back: erasure/tombstones.py.
EXPUNGE_ERASURES = os.environ.get("EXPUNGE_ERASURES", "")
EXPUNGE_PARTITION_KEY = keys.load(EXPUNGE_KEYS, "partition", variable="EXPUNGE_PARTITION_KEY")
EXPUNGE_ORDER_KEY = keys.load(EXPUNGE_KEYS, "order", variable="EXPUNGE_ORDER_KEY")
EXPUNGE_RECIPES = ROOT / "recipes"
EXPUNGE_ORIGIN = places.origin(variable="EXPUNGE_ORIGIN", default="expunge.local/log")
# The policy that a head must meet before it is public: ledger/witnessing.py.
EXPUNGE_WITNESSES = os.environ.get("EXPUNGE_WITNESSES", "")
# Who stamps heads with the time, and whose word on it is taken: ledger/timestamps.py.
EXPUNGE_TSA = os.environ.get("EXPUNGE_TSA", "")
EXPUNGE_TSA_CERTIFICATES = os.environ.get("EXPUNGE_TSA_CERTIFICATES", "")
EXPUNGE_CONTROLLER = places.controller(variable="EXPUNGE_CONTROLLER", default="This installation")

# A lease must outlive the longest pause between two heartbeats of a healthy worker.
EXPUNGE_LEASE_SECONDS = places.whole(variable="EXPUNGE_LEASE_SECONDS", default=120)
# A certificate waits as long for a scorer that neither follows what serves nor says it stopped.
EXPUNGE_SCORER_LEASE_SECONDS = places.whole(variable="EXPUNGE_SCORER_LEASE_SECONDS", default=30)
EXPUNGE_MAX_ATTEMPTS = places.whole(variable="EXPUNGE_MAX_ATTEMPTS", default=5)
# Where the parts of a base lie that one GPU cannot hold: mlcore/devices.py.
EXPUNGE_DEVICE_MAP = os.environ.get("EXPUNGE_DEVICE_MAP", "")
EXPUNGE_MAX_INGEST_BYTES = places.whole(variable="EXPUNGE_MAX_INGEST_BYTES", default=512 * 2**20)

DEBUG = places.flag("EXPUNGE_DEBUG")
SECRET_KEY = keys.django_secret(EXPUNGE_KEYS)
ALLOWED_HOSTS = os.environ.get("EXPUNGE_HOSTS", "127.0.0.1,localhost,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [o for o in os.environ.get("EXPUNGE_ORIGINS", "").split(",") if o]
# Set when the platform sits behind TLS: cookies then travel over it alone.
SECURE = places.flag("EXPUNGE_SECURE")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "rest_framework",
    "knox",
    "ledger",
    "corpus",
    "registry",
    "erasure",
    "evidence",
    "console",
    "config",
]
MIGRATION_MODULES = {
    app: f"migrations.{app}" for app in ("ledger", "corpus", "registry", "erasure", "evidence")
}

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.headers.ContentSecurityPolicy",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "console.chrome.chrome",
            ],
            "libraries": {"console": "console.tags"},
        },
    }
]

DATABASES = {
    "default": dj_database_url.parse(
        places.database_url(ROOT), conn_max_age=60, conn_health_checks=True
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "filesystem://localhost")
if CELERY_BROKER_URL.startswith("filesystem://"):
    # The embedded broker: a folder. `in` and `out` are one and the same, as every process both
    # publishes and consumes.
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(EXPUNGE_VAR / "broker" / "messages"),
        "data_folder_out": str(EXPUNGE_VAR / "broker" / "messages"),
        "control_folder": str(EXPUNGE_VAR / "broker" / "control"),
        "processed_folder": str(EXPUNGE_VAR / "broker" / "processed"),
        "store_processed": False,
        "polling_interval": 0.2,
    }
else:
    # Longer than the longest run: a message that comes again while its run is leased is harmless,
    # but wakes a worker for nothing.
    CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 24 * 3600}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
# Acknowledged when taken, not when done: the lease in the run's row is what guards the work, and a
# broker would cut off a consumer that holds a message for as long as a training runs.
CELERY_TASK_ACKS_LATE = False
CELERY_BROKER_HEARTBEAT = 0
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {"registry.tasks.work": {"queue": "gpu"}}
CELERY_BEAT_SCHEDULE_FILENAME = str(EXPUNGE_VAR / "broker" / "beat")
CELERY_BEAT_SCHEDULE = {
    "sequence": {"task": "ledger.tasks.sequence", "schedule": 1.0, "options": {"expires": 5}},
    "timestamp": {"task": "ledger.tasks.timestamp", "schedule": 3600.0, "options": {"expires": 60}},
    "sweep-runs": {"task": "registry.tasks.sweep", "schedule": 5.0, "options": {"expires": 20}},
    "sweep-requests": {"task": "erasure.tasks.sweep", "schedule": 5.0, "options": {"expires": 20}},
    "attest": {"task": "evidence.tasks.attest", "schedule": 5.0, "options": {"expires": 20}},
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["knox.auth.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "config.problems.handler",
}
REST_KNOX = {"TOKEN_TTL": None, "AUTH_HEADER_PREFIX": "Bearer"}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "requests"
LOGOUT_REDIRECT_URL = "login"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SECURE_SSL_REDIRECT = SECURE
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

LANGUAGE_CODE = "en"
TIME_ZONE = places.time_zone(variable="EXPUNGE_TIME_ZONE")
USE_TZ = True

STATIC_URL = "static/"
STATICFILES_DIRS = [ROOT / "static"]
# Served from the checkout: there is nothing to collect, and so nothing to forget to collect.
STATIC_ROOT = None
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": places.log_level(variable="EXPUNGE_LOG_LEVEL")},
}
