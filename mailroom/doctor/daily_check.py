"""What the daemon does once a day: the digest, and mail that has waited too long."""

from datetime import UTC, datetime

from mailroom.config.daily import Expiry
from mailroom.decisions.expiry import GRACE
from mailroom.doctor.findings import Examined, Finding, Outcome
from mailroom.senders.expiry import too_old
from mailroom.senders.waiting import read_account
from mailroom.triage.start_check import NO_ADDRESS_FOR_DIGESTS
from mailroom.triage.state import read_card, state_in

TURN_ON = "[digest] in {} has the daemon tell once a day who waits"


async def check_daily(examined: Examined) -> Finding:
    """Whether and when a digest is written, and how much mail leaves the Screener by itself."""
    digest, expire = examined.scheme.digest, examined.scheme.expire
    if digest is None and expire is None:
        advice = TURN_ON.format(examined.settings.names.scheme_place)
        return Finding(Outcome.OK, "no digest, and mail waits for as long as it takes", advice)
    lines: list[str] = []
    if digest is not None:
        first = (await read_account(examined.servers.client, examined.scheme)).own.first
        if not first:
            return Finding(Outcome.FAILED, "no digest can be written", NO_ADDRESS_FOR_DIGESTS)
        lines.append(f"a digest at {digest.at:%H:%M} ({digest.zone}), from and to {first}")
    if expire is not None:
        lines.append(await _expiry(examined, expire))
    return Finding(Outcome.OK, "\n".join(lines))


async def _expiry(examined: Examined, expire: Expiry) -> str:
    client = examined.servers.client
    account_id = (await client.session()).mail_account
    state = state_in((await read_card(client, await examined.servers.contacts(), account_id)).book, account_id)
    mails = len((await too_old(client, examined.scheme, expire, datetime.now(UTC))).ids)
    if state.expiry_since is None:
        when = "a day after the daemon has started with it"
    else:
        when = f"from {state.expiry_since + GRACE:%Y-%m-%d %H:%M} UTC on"
    much = f"{mails} mails wait" if mails != 1 else "1 mail waits"
    return f"{much} for more than {expire.after_days} days: out of the Screener to {expire.to}, {when}"
