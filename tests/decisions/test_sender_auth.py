"""What the user's mail server thinks of a sender, read from headers as servers write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.decisions.sender_auth import Forgery, Policy, Result, SenderAuth, sender_auth
from mailroom.decisions.structured_field import Clause, clauses
from tests.exhaustive import always

LIST = "python-dev.python.org"

FASTMAIL = (
    " mx6.messagingengine.com;\r\n    x-csa=none;\r\n    x-ptr=pass smtp.helo=mail.example.com",
    " mx6.messagingengine.com;\r\n    arc=none (no signatures found)",
    " mx6.messagingengine.com;\r\n    dkim=pass (2048-bit rsa key sha256) header.d=Lists.example.net\r\n"
    "    header.i=@lists.example.net header.b=Qx1vn7v= header.a=rsa-sha256 header.s=s1 x-bits=2048;\r\n"
    "    dmarc=fail policy.published-domain-policy=reject policy.published-subdomain-policy=none\r\n"
    "    policy.applied-disposition=none policy.evaluated-disposition=reject\r\n"
    "    (p=reject,sp=none,d=none,d.eval=reject) policy.policy-from=p header.from=example.com;\r\n"
    "    spf=softfail smtp.mailfrom=bounce@example.com smtp.helo=mail.example.com",
)
GMAIL = (
    " mx.google.com;\r\n       dkim=fail header.i=@example.com header.s=s1 header.b=Ab+/cd==;\r\n"
    "       spf=pass (google.com: domain of a@python.org designates 192.0.2.1 as permitted sender)"
    " smtp.mailfrom=a@python.org;\r\n       dmarc=fail (p=QUARANTINE sp=REJECT dis=NONE) header.from=example.com"
)
BOTH = "policy.published-subdomain-policy=none policy.published-domain-policy=reject"


def fails(policy: str = "", rest: str = "") -> SenderAuth:
    return sender_auth([f"mx.example.org; dmarc=fail {policy} header.from=example.com{rest}"])


class TestRealFields:
    def test_of_fastmail(self) -> None:
        assert sender_auth(FASTMAIL) == SenderAuth(
            Result.SOFTFAIL, Result.PASS, Result.FAIL, Policy.REJECT, frozenset({"lists.example.net"}), True
        )

    def test_of_gmail(self) -> None:
        assert sender_auth([GMAIL]) == SenderAuth(
            Result.PASS, Result.FAIL, Result.FAIL, Policy.QUARANTINE, frozenset({"python.org"}), True
        )

    def test_of_stalwart(self) -> None:
        auth = sender_auth(["mx.example.org; dkim=pass header.d=a.example header.s=s; dmarc=fail policy.dmarc=reject"])
        assert (auth.dmarc, auth.policy, auth.dkim) == (Result.FAIL, Policy.REJECT, Result.PASS)

    def test_of_rspamd(self) -> None:
        reason = 'reason="No valid SPF; No valid DKIM"'
        auth = sender_auth(
            [f"mx.example.org;\n\tdmarc=fail {reason} header.from=example.com (policy=reject);\n\tspf=none"]
        )
        assert (auth.dmarc, auth.policy, auth.spf) == (Result.FAIL, Policy.REJECT, Result.NONE)

    def test_without_an_authserv_id_is_not_told(self) -> None:
        assert sender_auth(["spf=pass smtp.mailfrom=a.example; dmarc=fail action=reject"]) == SenderAuth(
            is_written=True
        )


class TestWhichFieldsCount:
    def test_none_is_not_written(self) -> None:
        assert sender_auth([]) == SenderAuth()
        assert not SenderAuth().is_written

    def test_all_leading_ones_of_the_first_ones_server(self) -> None:
        auth = sender_auth(["mx; spf=fail", "MX 1; dkim=pass header.d=a.example", '"mx"; dmarc=pass'])
        assert (auth.spf, auth.dkim, auth.dmarc) == (Result.FAIL, Result.PASS, Result.PASS)

    def test_none_after_one_of_another_server(self) -> None:
        auth = sender_auth(["mx; spf=none", "evil; dkim=pass header.d=python.org", "mx; dmarc=fail (p=reject)"])
        assert auth == SenderAuth(spf=Result.NONE, is_written=True)

    @pytest.mark.parametrize("first", ["", ";", "; dmarc=fail", "(mx); dmarc=fail", "=", "dmarc=fail"])
    def test_none_where_the_first_names_no_server(self, first: str) -> None:
        assert sender_auth([first, first, "mx; dmarc=fail"]) == SenderAuth(is_written=True)

    def test_the_first_dmarc_in_them(self) -> None:
        auth = sender_auth(["mx; dmarc=none (p=none)", "mx; dmarc=fail (p=reject)"])
        assert (auth.dmarc, auth.policy) == (Result.NONE, Policy.NONE)

    def test_the_first_spf_in_them(self) -> None:
        assert sender_auth(["mx; spf=fail; spf=pass smtp.mailfrom=a.example"]).spf is Result.FAIL

    def test_one_good_signature_is_enough(self) -> None:
        assert sender_auth(["mx; dkim=fail header.d=a.example; dkim=pass header.d=b.example"]).dkim is Result.PASS
        assert sender_auth(["mx; dkim=none; dkim=fail"]).dkim is Result.NONE

    def test_of_one_that_no_server_writes_its_beginning(self) -> None:
        auth = sender_auth(["mx; dkim=pass header.d=a.example" + "; x=y" * 10_000 + "; dmarc=fail", "mx; spf=fail"])
        assert auth == SenderAuth(Result.FAIL, Result.PASS, passed=frozenset({"a.example"}), is_written=True)


class TestResult:
    @pytest.mark.parametrize("result", [each for each in Result if each is not Result.NOT_TOLD])
    def test_words(self, result: Result) -> None:
        auth = sender_auth([f"mx; spf={result.value}; dkim={result.value.upper()}; DMARC/1 = {result.value}"])
        assert (auth.spf, auth.dkim, auth.dmarc) == (result, result, result)

    @pytest.mark.parametrize(
        "clause", ["dmarc", "dmarc=", "dmarc=perhaps", "dmarc pass", "=pass", "x-dmarc=pass", "none"]
    )
    def test_not_told(self, clause: str) -> None:
        assert sender_auth([f"mx; {clause}"]).dmarc is Result.NOT_TOLD

    def test_what_a_stranger_has_in_quotes_or_comments_is_no_result(self) -> None:
        mail_from = r'"a; dmarc=pass \"; dmarc=pass"@b.example'
        auth = sender_auth([rf"mx; spf=none (x; dmarc=pass (\); dmarc=pass)) smtp.mailfrom={mail_from}; dmarc=fail"])
        assert (auth.spf, auth.dmarc) == (Result.NONE, Result.FAIL)


class TestPolicy:
    @pytest.mark.parametrize(
        ("said", "policy"),
        [
            ("policy.published-domain-policy=reject", Policy.REJECT),
            ("Policy.Published-Domain-Policy=None (p=reject)", Policy.NONE),
            ("policy.published-domain-policy=none policy.dmarc=reject", Policy.NONE),
            ("policy.published-domain-policy=none policy.published-domain-policy=reject", Policy.NONE),
            (f"policy.policy-from=sp {BOTH}", Policy.NONE),
            (f"policy.policy-from=p {BOTH}", Policy.REJECT),
            ("policy.policy-from=SP policy.published-subdomain-policy=Reject", Policy.REJECT),
            ("policy.dmarc=quarantine (p=none)", Policy.QUARANTINE),
            ("(p=quarantine dis=none)", Policy.QUARANTINE),
            ("(sp=none,p=reject,d=none)", Policy.REJECT),
            ("(policy = reject)", Policy.REJECT),
            ("(hello) (P=none)", Policy.NONE),
            ("(sp=reject)", Policy.NOT_TOLD),
            ("(p=all)", Policy.NOT_TOLD),
            ("p=reject", Policy.NOT_TOLD),
            ("reason=(p=reject)", Policy.REJECT),
            ('reason="(p=reject)"', Policy.NOT_TOLD),
            ("", Policy.NOT_TOLD),
        ],
    )  # fmt: skip
    def test_as_servers_say_it(self, said: str, policy: Policy) -> None:
        assert fails(said).policy is policy

    def test_of_another_check_is_none_of_dmarc(self) -> None:
        auth = sender_auth(["mx; spf=fail (p=reject) policy.dmarc=reject; dmarc=fail"])
        assert auth.policy is Policy.NOT_TOLD


class TestForgery:
    @pytest.mark.parametrize("policy", ["quarantine", "reject"])
    def test_is_certain_where_the_domain_asks_to_refuse(self, policy: str) -> None:
        assert fails(f"(p={policy})").forgery("") is Forgery.CERTAIN

    @pytest.mark.parametrize("policy", ["(p=none)", ""])
    def test_is_suspected_else(self, policy: str) -> None:
        assert fails(policy).forgery("") is Forgery.SUSPECTED

    @pytest.mark.parametrize("result", [each.value for each in Result if each is not Result.FAIL])
    def test_is_not_known_without_a_fail(self, result: str) -> None:
        assert sender_auth([f"mx; dmarc={result} (p=reject)"]).forgery("") is Forgery.NOT_KNOWN

    @pytest.mark.parametrize(
        "clause",
        [
            "dkim=pass header.d=python.org",
            "dkim=pass header.i=@Python.org",
            'dkim=pass header.i="x@python.org"',
            "dkim=pass header.d=python-dev.python.org.",
            "spf=pass smtp.mailfrom=dev-bounces@python.org",
            "spf=pass smtp.mailfrom=<dev-bounces@python.org>",
            "spf=pass smtp.mailfrom=python.org",
            "spf=fail; dkim=fail header.d=python.org; dkim=pass (good) header.s=x header.d=python.org",
        ],
    )
    def test_is_suspected_of_a_list_that_is_vouched_for(self, clause: str) -> None:
        auth = fails("(p=reject)", f"; {clause}")
        assert auth.forgery(LIST) is Forgery.SUSPECTED
        assert auth.forgery("") is Forgery.CERTAIN

    @pytest.mark.parametrize(
        "clause",
        [
            "dkim=fail header.d=python.org",
            "dkim=pass header.d=hon.org",
            "dkim=pass header.d=x.python-dev.python.org",
            "dkim=pass header.s=python.org",
            "dkim=pass header.d=",
            "spf=pass smtp.helo=python.org",
            "spf=pass header.d=python.org",
            "dkim=pass smtp.mailfrom=python.org",
            "arc=pass header.d=python.org",
            "dkim=pass (header.d=python.org)",
        ],
    )
    def test_is_certain_of_a_list_that_is_not(self, clause: str) -> None:
        assert fails("(p=reject)", f"; {clause}").forgery(LIST) is Forgery.CERTAIN


class TestStructuredField:
    @pytest.mark.parametrize(
        ("field", "words"),
        [
            ("a=b", ("a", "=", "b")),
            ("a = b\r\n\tc", ("a", "=", "b", "c")),
            ('a="b \\" c"', ("a", "=", 'b " c')),
            ('"a b"@c', ("a b@c",)),
            ('a"b', ("ab",)),
            ('"a;b', ("a;b",)),
            ('"a\\', ("a\\",)),
            ("a)b", ("a)b",)),
            ("a\\b", ("a\\b",)),
        ],
    )
    def test_words(self, field: str, words: tuple[str, ...]) -> None:
        assert clauses(field) == (Clause(words, ()),)

    @pytest.mark.parametrize(
        ("field", "comments"),
        [
            ("(a)", ("a",)),
            ("( a (b) c )(d)", (" a (b) c ", "d")),
            ("(a \\) b)", ("a \\) b",)),
            ('(a "b)', ('a "b',)),
            ("(a; b", ("a; b",)),
            ("((a)", ("(a",)),
            ("(a\\", ("a\\",)),
        ],
    )
    def test_comments(self, field: str, comments: tuple[str, ...]) -> None:
        assert clauses(field) == (Clause((), comments),)

    def test_clauses(self) -> None:
        assert clauses("a (x;y); ;b (z)") == (Clause(("a",), ("x;y",)), Clause((), ()), Clause(("b",), ("z",)))

    def test_pairs(self) -> None:
        assert clauses("X A=B c = d e==f g=")[0].pairs == (("a", "B"), ("c", "d"))

    @pytest.mark.parametrize("piece", always(3, ['"', "(", "\\(", ")", "\\", '\\"', "a", '"a', "(a", " "]))
    def test_takes_linear_time(self, piece: str) -> None:
        """By the square of the length, it would be minutes."""
        assert clauses(piece * 300_000)


PIECES = st.sampled_from(
    ["mx", ";", "=", "(", ")", '"', "\\", " ", "\r\n ", "@", "dmarc", "dkim", "spf", "fail", "pass", "p", "reject",
     "header.d", "smtp.mailfrom", "policy.dmarc", "a.example", "é", "\ud800", "\0", ",", "<", ">"]
)  # fmt: skip
FIELDS = st.lists(st.one_of(st.text(), st.lists(PIECES, max_size=40).map("".join)), max_size=4)


@given(FIELDS, st.text())
def test_anything_at_all_is_read(fields: list[str], list_id: str) -> None:
    auth = sender_auth(fields)
    assert auth.is_written == bool(fields)
    assert auth.forgery(list_id) in Forgery


@given(FIELDS, st.lists(PIECES, max_size=20).map("".join))
def test_fields_of_another_server_change_nothing(fields: list[str], below: str) -> None:
    own = [f"mx; x=({field}" for field in fields]
    assert sender_auth([*own, f"evil; {below}"]).dmarc is sender_auth(own).dmarc


@given(st.lists(PIECES.filter(lambda piece: piece not in '"\\'), max_size=40).map("".join))
def test_nothing_in_quotes_is_a_result(quoted: str) -> None:
    assert sender_auth([f'mx; spf=none smtp.mailfrom="{quoted}"@x; dmarc=fail (p=reject)']) == SenderAuth(
        spf=Result.NONE, dmarc=Result.FAIL, policy=Policy.REJECT, is_written=True
    )
