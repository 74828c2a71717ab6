"""`/health`: what `/healthz` says, in words, and the last things done."""

from datetime import UTC, datetime

from quart import Response
from quart_trio import QuartTrio

from mailroom.config.keys import Keys
from mailroom.observe.status import Health
from mailroom.page.buttons import accent_of
from mailroom.page.guard import session
from mailroom.page.views import view
from mailroom.page.words import called
from mailroom.plural import plural
from mailroom.rules.sieve import INSTALL

Row = tuple[str, str, str]
"""What it is about, `good`, `bad` or `so`, and what there is to say."""

_RULES = {
    "none": ("so", "No rules of Mailroom's run on the mail server."),
    "current": ("good", "They run on the mail server, as they would be written now."),
    "old": ("bad", "They are older than your decisions: `{}` renews them."),
    "replaced": ("bad", "They are there but don't run: `{}` has them run again."),
}
_SCREENING = {
    "on": ("good", "New mail of strangers waits in the Screener."),
    "watch": ("so", "It only tells in the log what it would do."),
    "off": ("so", "Off: the mail server's own rules decide what waits."),
}


def add_health(app: QuartTrio) -> None:
    app.add_url_rule("/health", "health", _show, methods=["GET"])


async def _show() -> Response:
    owner = session().owner
    health = owner.status.health()
    recent = [
        {
            "when": datetime.fromtimestamp(ended, UTC),
            "who": called(deed.sender, deed.name),
            "sender": deed.sender,
            "what": deed.problem or f"{deed.category}, {plural(deed.mails, 'mail')} filed",
            "accent": accent_of(owner.scheme, deed.category),
            "is_problem": deed.problem is not None,
        }
        for ended, deed in owner.status.recent
    ]
    return view("health.html", "/health", is_well=health.status == "ok", rows=rows(health, owner.names), recent=recent)


def rows(health: Health, names: Keys) -> list[Row]:
    """All that there is to say."""
    found: list[Row] = [_passes(health), _push(health)]
    found.append(("Screening", *_SCREENING[health.screening]))
    if health.mails_waiting is not None:
        found.append(("The Screener", "so", f"{plural(health.mails_waiting, 'mail')} in it."))
    if health.senders_failing:
        text = f"{plural(health.senders_failing, 'sender')} can't be settled; the log says who and why."
        found.append(("Senders", "bad", text))
    if health.mailboxes_missing:
        number = health.mailboxes_missing
        what = f"{number} mailbox{'' if number == 1 else 'es'} missing"
        text = f"{what}: `{names.command('mailroom setup')}` says which."
        found.append(("Mailboxes", "bad", text))
    if health.server_rules in _RULES:
        mood, text = _RULES[health.server_rules]
        found.append(("Rules", mood, text.format(names.command(INSTALL))))
    found.append(("Version", "so", health.version))
    return found


def _passes(health: Health) -> Row:
    since = f"{health.last_poll_age_seconds:.0f} s"
    if health.last_poll_error:
        return "Mail server", "bad", f"The last look at the mail failed: {health.last_poll_error}."
    if health.last_poll_trigger is None:
        return "Mail server", "so", f"Started {since} ago; the first look at the mail is under way."
    return "Mail server", "good" if health.status == "ok" else "bad", f"It was last asked {since} ago, and answered."


def _push(health: Health) -> Row:
    push = health.eventsource
    if push.status == "connected":
        return "Push", "good", "Connected: labels and new mail are seen at once."
    why = f" ({push.last_error})" if push.last_error else ""
    if push.status == "disconnected":
        return "Push", "bad", f"Lost{why}; it is being tried again, and mail is looked at by the clock."
    return "Push", "so", f"None{why}: mail is looked at by the clock."
