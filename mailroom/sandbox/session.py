"""The session document (RFC 8620 section 2)."""

from __future__ import annotations

from mailroom.sandbox.dispatch import CONTACTS, CORE, MAIL, SIEVE, SUBMISSION, offered
from mailroom.sandbox.errors import Json
from mailroom.sandbox.flavour import Flavour, Limits
from mailroom.sandbox.mail_query import SORTS
from mailroom.sandbox.mailbox import MAX_NAME_OCTETS
from mailroom.sandbox.query import COLLATIONS
from mailroom.sandbox.sandbox import Sandbox


def session_document(sandbox: Sandbox, base_url: str) -> Json:
    """What /jmap/session answers; `base_url` is the origin that the client asked."""
    flavour = sandbox.flavour

    def here(url: str) -> str:
        return url.replace("{base}", base_url).replace("/jmap/", f"/{sandbox.place}/", 1)

    account_capabilities = _account_capabilities(flavour, sandbox.limits)
    account = {
        "name": sandbox.email,
        "isPersonal": True,
        "isReadOnly": False,
        "accountCapabilities": account_capabilities,
    }
    return {
        "username": sandbox.email,
        "state": sandbox.session_state,
        "capabilities": {name: {} for name in sorted(offered(flavour))} | {CORE: _core(sandbox.limits)},
        "accounts": {sandbox.account_id: account},
        "primaryAccounts": dict.fromkeys(sorted(account_capabilities.keys() - {CORE}), sandbox.account_id),
        "apiUrl": here(flavour.api_url),
        "uploadUrl": here(flavour.upload_url),
        "downloadUrl": here(flavour.download_url),
        "eventSourceUrl": here(flavour.event_source_url),
    }


def _core(limits: Limits) -> Json:
    return {
        "maxSizeUpload": limits.max_size_upload,
        "maxConcurrentUpload": limits.max_concurrent_upload,
        "maxSizeRequest": limits.max_size_request,
        "maxConcurrentRequests": limits.max_concurrent_requests,
        "maxCallsInRequest": limits.max_calls_in_request,
        "maxObjectsInGet": limits.max_objects_in_get,
        "maxObjectsInSet": limits.max_objects_in_set,
        "collationAlgorithms": COLLATIONS,
    }


def _account_capabilities(flavour: Flavour, limits: Limits) -> Json:
    return {
        CORE: {},
        MAIL: {
            "maxMailboxesPerEmail": limits.max_mailboxes_per_email,
            "maxMailboxDepth": None,
            "maxSizeMailboxName": MAX_NAME_OCTETS,
            "maxSizeAttachmentsPerEmail": limits.max_size_upload,
            "emailQuerySortOptions": sorted(SORTS),
            "mayCreateTopLevelMailbox": True,
        },
        SUBMISSION: {"maxDelayedSend": 0, "submissionExtensions": {}},
        CONTACTS: {
            "maxAddressBooksPerCard": None,
            "mayCreateAddressBook": flavour.may_create_address_book,
        },
    } | _sieve(flavour, limits)


def _sieve(flavour: Flavour, limits: Limits) -> Json:
    if flavour.sieve_extensions is None:
        return {}
    details: Json = {
        "maxSizeScriptName": 512,
        "maxSizeScript": limits.max_size_script,
        "maxNumberScripts": None,
        "maxNumberRedirects": None,
        "sieveExtensions": flavour.sieve_extensions,
        "notificationMethods": None,
        "externalLists": None,
    }
    return {SIEVE: details}
