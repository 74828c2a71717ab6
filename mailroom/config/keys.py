"""What a setting is called where it was read, for messages: a variable, or a key of an account's file."""

from dataclasses import dataclass
from typing import Protocol

from mailroom.config.variables import DOTENV, PREFIX, SECRETS_FOLDER

_ON_FASTMAIL = (
    "On Fastmail, make an API token with access to mail and contacts at "
    "Settings → Privacy & Security → Manage API tokens."
)


class Keys(Protocol):
    """The names of settings in one place; `field` is the setting's name in `ProcessSettings` or `AccountSettings`."""

    @property
    def after_renewal(self) -> str:
        """What to do once a login was renewed there, to be put behind that."""
        ...

    def bare(self, field: str) -> str:
        """The name itself, as it is written there."""
        ...

    def name(self, field: str) -> str:
        """The name, and where it is if that isn't clear."""
        ...

    def login(self, server: str) -> str:
        """The names of user name and password for a server, `jmap` or `carddav`."""
        ...

    def assigned(self, field: str, value: str) -> str:
        """How to give it this value there."""
        ...

    def command(self, text: str) -> str:
        """A command about the account, as it is to be typed."""
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
            f"{SECRETS_FOLDER}/mailroom_jmap_token. {PREFIX}JMAP_SESSION_URL names another server than Fastmail; one "
            f"without tokens takes {PREFIX}JMAP_USERNAME and {PREFIX}JMAP_PASSWORD instead."
        )

    @property
    def after_renewal(self) -> str:
        return " and start again"

    def bare(self, field: str) -> str:
        return PREFIX + field.upper()

    def name(self, field: str) -> str:
        return self.bare(field)

    def login(self, server: str) -> str:
        return f"{self.bare(server)}_USERNAME and _PASSWORD"

    def assigned(self, field: str, value: str) -> str:
        return f"{self.bare(field)}={value}"

    def command(self, text: str) -> str:
        return text

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
            "here. jmap_session_url names another server than Fastmail; one without tokens takes jmap_username and "
            "jmap_password_file instead."
        )

    @property
    def after_renewal(self) -> str:
        return ""  # A running daemon sees that the file has changed.

    def bare(self, field: str) -> str:
        return field

    def name(self, field: str) -> str:
        return f"{field} in {self.file}"

    def login(self, server: str) -> str:
        return f"{server}_username and {server}_password in {self.file}"

    def assigned(self, field: str, value: str) -> str:
        # The one setting that has a place of its own there.
        written = f'mode = "{value}" below [screening]' if field == "screening" else f'{field} = "{value}"'
        return f"{written} in {self.file}"

    def command(self, text: str) -> str:
        return f"{text} --account {self.file.removesuffix('.toml')}"

    def problem(self, text: str) -> str:
        return f"{self.file}: {text}"
