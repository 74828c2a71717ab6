"""Where the environment's settings are, for those that can't wait for libraries."""

PREFIX = "MAILROOM_"
DOTENV = ".env"
SECRETS_FOLDER = "/run/secrets"
