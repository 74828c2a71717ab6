"""Multistatus answers and error answers of a CardDAV server, and the cards in them."""

import httpx

from mailroom.contacts import dav_requests, vcard, webdav
from mailroom.http import Reply
from tests.fuzz.mutations import Tape, made, spoilt
from tests.fuzz.promises import MARK, a_value_or_a_clear_error, assert_sane
from tests.fuzz.running import fuzzed

BOOK = httpx.URL("https://dav.example/books/Default/")

_CARD = f"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:u1\r\nFN:{MARK}\r\nEMAIL:{MARK}@example.org\r\nEND:VCARD\r\n"
_RESPONSES = (
    f"""<d:response><d:href>/books/Default/{MARK}.vcf</d:href><d:propstat><d:prop><d:getetag>"{MARK}"</d:getetag>
    <c:address-data>{_CARD}</c:address-data></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>""",
    """<d:response><d:href>/books/</d:href><d:propstat><d:prop><d:resourcetype><d:collection/><c:addressbook/>
    </d:resourcetype><d:current-user-principal><d:href>/me/</d:href></d:current-user-principal><c:addressbook-home-set>
    <d:href>/books/</d:href></c:addressbook-home-set></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>
    <d:propstat><d:prop><d:getetag/></d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response>""",
    "<d:response><d:href>https://elsewhere.example:8443/x</d:href><d:status>HTTP/1.1 507 Full</d:status></d:response>",
)
_NAMESPACES = 'xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:carddav"'
MULTISTATUS = [
    f"{start}<d:multistatus {_NAMESPACES}>{''.join(responses)}</d:multistatus>".encode()
    for start in ("", '<?xml version="1.0" encoding="utf-8"?>', '<?xml version="1.0" encoding="iso-8859-1"?>\n')
    for responses in (_RESPONSES, _RESPONSES[:1], _RESPONSES[1:])
]
ERRORS = [
    f"<d:error {_NAMESPACES}><c:no-uid-conflict><d:href>/{MARK}</d:href></c:no-uid-conflict></d:error>".encode(),
    f"<d:error {_NAMESPACES}><d:responsedescription>{MARK}</d:responsedescription><d:lock/></d:error>".encode(),
]
_ENCODINGS = (
    "utf-16",
    "utf-32",
    "shift_jis",
    "big5",
    "hex",
    "idna",
    "zlib",
    "utf-7",
    "cp037",
    "klingon",
    "\0",
)
_DECLARATIONS = tuple(f'<?xml version="1.0" encoding="{it}"?>'.encode() for it in _ENCODINGS)
PIECES = (
    *_DECLARATIONS,
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>',
    b'<!DOCTYPE x SYSTEM "file:///etc/hostname">',
    b'<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1/x"> %p;]>',
    b'<!DOCTYPE x [<!ATTLIST x y CDATA "z">]>',
    b'<!ENTITY a "a">',
    b"&a;", b"&amp;", b"&#0;", b"&#xd800;", b"&#x10ffff;", b"&#13;", b"&lt;", b"<![CDATA[", b"]]>", b"<!--",
    b"-->", b"<?x y?>",
    b"<d:response>", b"</d:response>", b"<d:href>", b"</d:href>", b"<d:prop>", b"<d:propstat/>",
    b"<a>" * 300, b"<d:href/>",
    b"http://[::1", b"//x:99999999999999999999/", b"http://\xe2\x84\x80/", b"\\\\", b"%",
    b"HTTP/1.1 \xd9\xa2\xd9\xa0\xd9\xa0",
    b"\xff\xfe", b"\xef\xbb\xbf", b"\0", b"\x01", b"\xed\xa0\x80", b"\xef\xbf\xbf", b' xmlns:d="DAV:"',
    b' xmlns=""', b'"', b"'", b"<", b">",
)  # fmt: skip


def reply(body: bytes, status: int) -> Reply:
    headers = {"Content-Type": "application/xml; charset=utf-8"}
    return Reply(httpx.Response(status, headers=headers, request=httpx.Request("REPORT", BOOK)), body)


_CHARSETS = ("utf-8",) * 15 + ("utf-16", "utf-8-sig")


def an_answer(tape: Tape) -> bytes:
    charset = tape.pick(_CHARSETS)
    declaration = tape.pick(_DECLARATIONS) if tape.below(8) == 7 else b""
    body = spoilt(tape, declaration + tape.pick(MULTISTATUS), PIECES)
    return body if charset == "utf-8" else body.decode(errors="replace").encode(charset)


def an_error(tape: Tape) -> bytes:
    declaration = tape.pick(_DECLARATIONS) if tape.below(8) == 7 else b""
    return spoilt(tape, declaration + tape.pick([*ERRORS, *MULTISTATUS]), PIECES)


@fuzzed(percent=18, body=made(an_answer))
def test_any_multistatus_is_read_or_is_a_clear_error(body: bytes) -> None:
    with a_value_or_a_clear_error():
        for resource in webdav.read_multistatus(reply(body, 207)):
            assert_sane(resource)
            assert_sane(resource.url.host)
            assert_sane(vcard.read(str(resource.url), resource.card or ""))
            dav_requests.cards_at([resource.url])


@fuzzed(percent=3, body=made(an_error))
def test_any_error_answer_names_a_rule_or_none(body: bytes) -> None:
    rule = webdav.precondition(reply(body, 403))
    rule.encode()
    assert rule == "" or rule.encode() in body or b"encoding" in body or b"&" in body
