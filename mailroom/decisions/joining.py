"""Labels that widen decisions, alone on mail: domain or list joins the category of the mail's sender (pure)."""

from dataclasses import replace
from itertools import groupby

from mailroom.config.scheme import Scheme
from mailroom.contacts.base import AddressBook
from mailroom.decisions.routes import deciding, routes
from mailroom.decisions.select import Selection, Sender, by_age, name_of_whole
from mailroom.decisions.standing import NOBODY, standings


def joined(selection: Selection, book: AddressBook, scheme: Scheme) -> Selection:
    """The selection with the domains and lists whose senders are decided, all for one category.

    The others wait for a triage label.
    """
    standing = standings(book, scheme).senders
    all_routes = routes(scheme)
    senders = list(selection.senders)
    for whole, group in groupby(selection.joinings, key=lambda each: each.whole):
        found = [
            (route.category, each.mails)
            for each in group
            if (groups := standing.get(each.sender, NOBODY).groups) and (route := deciding(groups, all_routes))
        ]
        mails = tuple(sorted((email for _, each in found for email in each), key=by_age))
        categories = {category.name: category for category, _ in found}
        if len(categories) == 1:
            (category,) = categories.values()
            senders.append(Sender(str(whole), name_of_whole(whole, mails), category, mails, whole=whole))
    return replace(selection, senders=tuple(sorted(senders, key=lambda each: each.address)), joinings=())
