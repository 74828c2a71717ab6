"""What a setting is called where it was read, for messages: a variable, or a key of an account's file.

Nothing but the standard library: the health check reads its two variables by these names.
"""

from dataclasses import dataclass
from typing import Protocol

PREFIX = "MAILROOM_"
DOTENV = ".env"
SECRETS_FOLDER = "/run/secrets"

_ON_FASTMAIL = (
    "On Fastmail, make an API token with access to mail and contacts at "
    "Settings → Privacy & Security → Manage API tokens."
)


class Keys(Protocol):
    """The names of settings in one place; `field` is the setting's name in `ProcessSettings` or `AccountSettings`."""

    def bare(self, field: str) -> str:
        """The name itself, as it is written there."""
        ...

    def name(self, field: str) -> str:
        """The name, and where it is if that isn't clear."""
        ...

    def assigned(self, field: str, value: str) -> str:
        """How to give it this value there."""
        ...

    def problem(self, text: str) -> str:
        """A problem that begins with a bare name, in a list of many."""
        ...

    @property
    def scheme_place(self) -> str:
        """Where keys of the scheme are written, such as `own_addresses`, after the word "into"."""
        ...

    @property
    def how_to_log_in(self) -> str:
        """That no login is given, how to get one, and where to put it."""
        ...


@dataclass(frozen=True, slots=True)
class Variables:
    """Names in the environment, in `.env`, and of files in `/run/secrets`."""

    @property
    def scheme_place(self) -> str:
        return f"the file that {PREFIX}CONFIG names"

    @property
    def how_to_log_in(self) -> str:
        return (
            f"{PREFIX}JMAP_TOKEN is missing. {_ON_FASTMAIL} Then set the variable, "
            f"or write {PREFIX}JMAP_TOKEN=… into the file {DOTENV} here, or put the token into the file "
            f"{SECRETS_FOLDER}/mailroom_jmap_token. A server without tokens takes {PREFIX}JMAP_USERNAME and "
            f"{PREFIX}JMAP_PASSWORD instead."
        )

    def bare(self, field: str) -> str:
        return PREFIX + field.upper()

    def name(self, field: str) -> str:
        return self.bare(field)

    def assigned(self, field: str, value: str) -> str:
        return f"{self.bare(field)}={value}"

    def problem(self, text: str) -> str:
        return text


VARIABLES = Variables()


@dataclass(frozen=True, slots=True)
class FileKeys:
    """Keys of an account's file, such as `anna.toml`."""

    file: str

    @property
    def scheme_place(self) -> str:
        return self.file

    @property
    def how_to_log_in(self) -> str:
        return (
            f"jmap_token_file is missing. {_ON_FASTMAIL} Then put the token into a file, and that file's path "
            "here. A server without tokens takes jmap_username and jmap_password_file instead."
        )

    def bare(self, field: str) -> str:
        return field

    def name(self, field: str) -> str:
        return f"{field} in {self.file}"

    def assigned(self, field: str, value: str) -> str:
        # The one setting that has a place of its own there.
        written = f'mode = "{value}" below [screening]' if field == "screening" else f'{field} = "{value}"'
        return f"{written} in {self.file}"

    def problem(self, text: str) -> str:
        return f"{self.file}: {text}"
