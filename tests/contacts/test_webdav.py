"""The XML of CardDAV: what is asked, and what answers are read or turned away."""

import tracemalloc

import httpx
import pytest
from defusedxml import ElementTree as ET

from mailroom.contacts import dav_requests, webdav
from mailroom.contacts.dav_requests import Query
from mailroom.contacts.webdav import UNREADABLE, Resource
from mailroom.errors import BadReply
from mailroom.http import MAX_REPLY_BYTES, Reply
from tests.exhaustive import always

NAMESPACES = 'xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:carddav" xmlns:s="http://sabredav.org/ns"'
BOOK = httpx.URL("https://dav.example/books/Default/")
BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;">]>'
    '<d:multistatus xmlns:d="DAV:"><d:response><d:href>&c;</d:href></d:response></d:multistatus>'
)


def reply(body: str | bytes, status: int = 207, content_type: str = "application/xml; charset=utf-8") -> Reply:
    response = httpx.Response(status, headers={"Content-Type": content_type}, request=httpx.Request("REPORT", BOOK))
    return Reply(response, body.encode() if isinstance(body, str) else body)


def multistatus(*responses: str) -> str:
    inner = "".join(f"<d:response>{response}</d:response>" for response in responses)
    return f'<d:multistatus xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:carddav">{inner}</d:multistatus>'


def found(props: str, href: str = "/books/Default/a.vcf") -> str:
    propstat = f"<d:propstat><d:prop>{props}</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>"
    return f"<d:href>{href}</d:href>{propstat}"


def read_one(response: str) -> Resource:
    (resource,) = webdav.read_multistatus(reply(multistatus(response)))
    return resource


@pytest.mark.parametrize(
    ("href", "url"),
    [
        ("/books/Default/a.vcf", "https://dav.example/books/Default/a.vcf"),
        ("a.vcf", "https://dav.example/books/Default/a.vcf"),
        ("https://dav.example/books/Default/a.vcf", "https://dav.example/books/Default/a.vcf"),
        ("\n  /books/Default/a.vcf\n", "https://dav.example/books/Default/a.vcf"),
        ("/books/a%40b%2Fc%20d.vcf", "https://dav.example/books/a%40b%2Fc%20d.vcf"),
        ("http://dav.example/books/Default/a.vcf", "https://dav.example/books/Default/a.vcf"),
        ("/books/ü.vcf", "https://dav.example/books/%C3%BC.vcf"),
        ("https://elsewhere.example/a.vcf", "https://elsewhere.example/a.vcf"),
    ],
)
def test_hrefs_are_resolved_and_keep_their_encoding(href: str, url: str) -> None:
    assert str(read_one(found("", href)).url) == url


@pytest.mark.parametrize("href", ["http://[bad]/", "http://host:port/"])
def test_a_href_that_is_no_url_is_a_bad_reply(href: str) -> None:
    with pytest.raises(BadReply, match="no url"):
        read_one(found("", href))


@pytest.mark.parametrize("href", ["https://xn--ls8h.la/", "https://xn--0/a.vcf", "//xn--a.b/"])
def test_a_href_on_a_host_that_there_cannot_be_is_a_bad_reply(href: str) -> None:
    with pytest.raises(BadReply, match="names a place that is no url"):
        read_one(found("", href))
    home = f"<c:addressbook-home-set><d:href>{href}</d:href></c:addressbook-home-set>"
    with pytest.raises(BadReply, match="names a place that is no url"):
        read_one(found(home))


@pytest.mark.parametrize("etag", ['"abc"', 'W/"abc"', "unquoted", '"with &amp; and &lt;"'])
def test_an_etag_stays_verbatim(etag: str) -> None:
    resource = read_one(found(f"<d:getetag>{etag}</d:getetag>"))
    assert resource.etag == etag.replace("&amp;", "&").replace("&lt;", "<")


def test_what_a_resource_says_of_itself_is_read() -> None:
    props = (
        "<d:resourcetype><d:collection/><c:addressbook/></d:resourcetype>"
        "<d:current-user-principal><d:href>/me/</d:href></d:current-user-principal>"
        "<c:addressbook-home-set><d:href>/books/</d:href></c:addressbook-home-set>"
    )
    resource = read_one(found(props))
    assert resource.kinds == {"collection", "addressbook"}
    assert (str(resource.principal), str(resource.home)) == ("https://dav.example/me/", "https://dav.example/books/")


def test_properties_that_were_not_found_stay_empty() -> None:
    missing = (
        "<d:propstat><d:prop><d:getetag>no</d:getetag></d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat>"
    )
    assert read_one(f"<d:href>/a</d:href>{missing}").etag == ""


def test_the_status_of_a_whole_resource_is_read() -> None:
    assert read_one("<d:href>/a</d:href><d:status>HTTP/1.1 404 Not Found</d:status>").status == 404


@pytest.mark.parametrize(
    "data", ["BEGIN:VCARD\r\nEND:VCARD\r\n", "BEGIN:VCARD\nEND:VCARD\n", "BEGIN:VCARD&#13;\nEND:VCARD&#13;\n"]
)
def test_a_card_gets_back_the_line_ends_that_xml_takes(data: str) -> None:
    for text in (data, f"<![CDATA[{data}]]>".replace("&#13;", "")):
        assert read_one(found(f"<c:address-data>{text}</c:address-data>")).card == "BEGIN:VCARD\r\nEND:VCARD\r\n"


def test_a_control_character_in_one_card_does_not_hide_the_others() -> None:
    cards = [found(f"<c:address-data>{name}</c:address-data>") for name in ("a\x01b", "c\x0c")]
    assert [resource.card for resource in webdav.read_multistatus(reply(multistatus(*cards)))] == ["ab", "c"]


def data(text: bytes) -> bytes:
    return b"<c:address-data>" + text + b"</c:address-data>"


@pytest.mark.parametrize(
    ("broken", "as_read"),
    [
        (b"J\xfcrgen", f"J{UNREADABLE}rgen"),
        (b"a\xef\xbf\xbeb", f"a{UNREADABLE}b"),
        (b"a&#11;b", f"a{UNREADABLE}b"),
        (b"a&#xB;b&#x41;", f"a{UNREADABLE}bA"),
        (b"a&#xD800;b", f"a{UNREADABLE}b"),
        (b"a&#99999999999999999999999;b", f"a{UNREADABLE}b"),
        (b"a\xed\xa0\x80b", f"a{UNREADABLE * 3}b"),
    ],
)
def test_what_xml_cannot_hold_is_marked_in_its_card_and_hides_no_other(broken: bytes, as_read: str) -> None:
    """XML 1.0 §2.2: one such byte, character or reference makes all of a document ill-formed."""
    texts = (b"fine \xc3\xbc", broken, b"&amp;#11; &#252;", broken)
    body = multistatus(*("{}" for _ in texts)).encode()
    for text in texts:
        body = body.replace(b"{}", found("{}").encode().replace(b"{}", data(text)), 1)
    cards = [resource.card for resource in webdav.read_multistatus(reply(body))]
    assert cards == ["fine ü", as_read, "&#11; ü", as_read]


def test_another_encoding_is_not_mended_as_if_it_were_utf_8() -> None:
    declared = '<?xml version="1.0" encoding="iso-8859-1"?>' + multistatus(found("<c:address-data>{}</c:address-data>"))
    fine, broken = (declared.encode().replace(b"{}", text) for text in (b"J\xfcrgen", b"J\xfcrgen&#11;"))
    assert [resource.card for resource in webdav.read_multistatus(reply(fine))] == ["Jürgen"]
    with pytest.raises(BadReply, match="bytes"):
        list(webdav.read_multistatus(reply(broken)))


@pytest.mark.parametrize("start", ["\n", " \r\n\t"])
def test_white_space_before_the_declaration_is_read_over(start: str) -> None:
    body = start + '<?xml version="1.0" encoding="utf-8"?>' + multistatus(found(""))
    assert len(list(webdav.read_multistatus(reply(body)))) == 1
    error = start + '<?xml version="1.0"?><d:error xmlns:d="DAV:"><d:lock/></d:error>'
    assert webdav.precondition(reply(error, 403)) == "lock"


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (reply("<html><body>Welcome</body></html>", 200, "text/html"), "sent HTTP 200, text/html"),
        (reply("<html><body>Welcome</body></html>", 207, "text/html"), "XML that starts with html"),
        (reply("<!DOCTYPE html><html><br></html>", 207, "text/html"), "XML with a DTD"),
        (reply("Welcome", 207, "text/plain"), "text/plain, 7 bytes"),
        (reply(b"", 207), "0 bytes"),
        (reply(multistatus(found(""))[:-30]), "bytes"),
        (reply(b"\xff\xfe<\x00"), "bytes"),
        (reply('<?xml version="1.0" encoding="klingon"?><a/>'), "bytes"),
        (reply('<?xml version="1.0" encoding="utf-32"?><a/>'), "bytes"),
        (reply('<?xml version="1.0" encoding="shift_jis"?><a/>'), "bytes"),
        (reply(BOMB), "XML with a DTD"),
        (reply('<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>'), "XML with a DTD"),
        (reply(multistatus(found("<d:x/>" * 5_000))), "an endless element"),
        (reply("<d:multistatus xmlns:d='DAV:'>" + "<d:x>" * 5_000), "an endless element"),
    ],
)
def test_an_answer_that_is_no_multistatus_is_a_bad_reply(answer: Reply, what: str) -> None:
    with pytest.raises(BadReply, match="expected a WebDAV multistatus") as caught:
        list(webdav.read_multistatus(answer))
    assert what in str(caught.value)
    assert "Welcome" not in str(caught.value)


@pytest.mark.exhaustive
def test_reading_keeps_the_result_and_not_the_tree() -> None:
    noise = "<d:displayname>x</d:displayname>" * 100
    answer = reply(multistatus(*[found(noise)] * 200))
    tracemalloc.start()
    try:
        resources = list(webdav.read_multistatus(answer))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(resources) == 200
    # The body has 0.6 MB; a tree of its 20,000 elements would take more than 2.
    assert peak < 1_600_000


START = '<d:multistatus xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:carddav">'


@pytest.mark.parametrize(
    ("start", "repeated", "what"),
    always(
        2,
        [
            (START, "<a>", "an endless element"),
            ("<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'>]>" + START + "<d:response><d:href>", "&a;", "XML with a DTD"),
            (START, "<a/>", "an endless element"),
            (START + "<d:response ", "a='>' ", "bytes"),
            (START + "<!--", "- ", "bytes"),
            (START + "<?x ", "y ", "bytes"),
            (START + "<d:response><d:href>", "x", "bytes"),
            (START + "<d:response><d:href>", "&amp;", "bytes"),
            ("<!DOCTYPE x [<!ENTITY a '", "a", "XML with a DTD"),
        ],
    ),
)
def test_a_whole_answer_of_anything_is_turned_away_and_takes_no_memory(start: str, repeated: str, what: str) -> None:
    answer = reply(start.encode() + repeated.encode() * (MAX_REPLY_BYTES // len(repeated)))
    tracemalloc.start()
    try:
        with pytest.raises(BadReply) as caught:
            list(webdav.read_multistatus(answer))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert what in str(caught.value)
    # Copies of the body, one without control characters and one mended, and what was read of it.
    assert peak < 4 * MAX_REPLY_BYTES


def test_responses_without_end_are_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webdav, "_MAX_RESPONSES", 1_000)
    answer = reply(START.encode() + b"<d:response/>" * 1_001)
    with pytest.raises(BadReply, match="more than 1000 responses"):
        list(webdav.read_multistatus(answer))


def test_a_whole_answer_of_an_error_names_no_precondition() -> None:
    assert webdav.precondition(reply('<d:error xmlns:d="DAV:">' + "<d:a/>" * (MAX_REPLY_BYTES // 6), 403)) == ""


def test_a_card_with_a_large_photo_is_read() -> None:
    photo = "A" * (4 * 1024 * 1024)
    assert read_one(found(f"<c:address-data>{photo}</c:address-data>")).card == photo


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (f"<d:error {NAMESPACES}><c:no-uid-conflict><d:href>/a</d:href></c:no-uid-conflict></d:error>",
         "no-uid-conflict"),
        ('<d:error xmlns:d="DAV:"><d:responsedescription>no</d:responsedescription><d:lock/></d:error>', "lock"),
        (f"<d:error {NAMESPACES}><s:exception>E</s:exception><d:lock/></d:error>", "lock"),
        (f"<d:error {NAMESPACES}><s:exception>E</s:exception></d:error>", ""),
        ('<d:error xmlns:d="DAV:"/>', ""),
        ("<html/>", ""),
        ("Forbidden", ""),
        ("", ""),
        (BOMB, ""),
        ('<?xml version="1.0" encoding="big5"?><d:error xmlns:d="DAV:"><d:lock/></d:error>', ""),
    ],
)  # fmt: skip
def test_the_precondition_that_failed_is_named(body: str, name: str) -> None:
    assert webdav.precondition(reply(body, 403)) == name


def test_a_query_holds_each_address_as_text() -> None:
    body = Query(dav_requests.addresses(['a&<"@example.com', "b\ud800\uffff@example.com"])).texts()
    matches = [element.text for element in ET.fromstring(body).iter() if element.tag.endswith("text-match")]
    assert matches == ['a&<"@example.com', "b??@example.com"]


def test_a_query_holds_each_name_word_by_word() -> None:
    query = Query((*dav_requests.addresses(["ann@example.com"]), *dav_requests.names(["Ann <Lee", "Bob", " "])))
    filters = [each for each in ET.fromstring(query.texts()).iter() if each.tag.endswith("prop-filter")]
    asked = [(each.get("name"), each.get("test"), [match.text for match in each]) for each in filters]
    assert asked == [
        ("EMAIL", "anyof", ["ann@example.com"]),
        ("FN", "allof", ["Ann", "<Lee"]),
        ("FN", "allof", ["Bob"]),
    ]


def test_a_query_without_addresses_does_not_match_every_card() -> None:
    assert dav_requests.addresses([]) == ()


def test_where_cards_are_is_asked_without_their_texts() -> None:
    query = Query(dav_requests.GROUPS)
    assert b"address-data" in query.texts()
    assert b"address-data" not in query.places()
    assert query.texts().count(b"text-match") == query.places().count(b"text-match")
