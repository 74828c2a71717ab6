"""The documents: what they say runs, exists, or is so."""

import json
import re
import shlex
import subprocess
import textwrap
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
import trio
from defusedxml.ElementTree import fromstring
from prometheus_client.parser import text_string_to_metric_families

from mailroom.config.account_files import read_folder
from mailroom.config.daily import Expiry
from mailroom.config.environment import SETTINGS
from mailroom.config.page_buttons import PageButtons
from mailroom.config.scheme import DEFAULT_CATEGORIES, Category, Scheme
from mailroom.config.scheme_file import build_scheme
from mailroom.config.screening import Screening
from mailroom.decisions.judge import Outcome, Reason
from mailroom.observe.outcome import PassOutcome
from mailroom.observe.status import Health, Status
from tests.commands.support import bare_sandbox, environment, settings_for
from tests.conftest import PROJECT
from tests.guard import GUARD_SECONDS
from tests.real.processes import free_port
from tests.scrape import metrics_of
from tests.screener import empty_sandbox, screener
from tests.warm import mailroom

README = PROJECT / "README.md"
DOCS = PROJECT / "docs"
FOLDERS_PAGES = [PROJECT / "human-tests" / "README.md", PROJECT / "deploy" / "kubernetes" / "README.md"]
PAGES = [README, PROJECT / "CHANGELOG.md", *FOLDERS_PAGES, *sorted(DOCS.glob("*.md"))]
SOURCES = {path: path.read_text() for path in (PROJECT / "mailroom").rglob("*.py")}
TESTS = {path: path.read_text() for path in (PROJECT / "tests").rglob("*.py")}

page = pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(PROJECT)))


def blocks(path: Path, kind: str) -> list[str]:
    """The fenced blocks that begin with ```kind, as they read without the indentation of a list."""
    found = re.findall(rf"^( *)```{kind}\n(.*?)^\1```$", path.read_text(), re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(text) for _, text in found]


def without_blocks(path: Path) -> str:
    return re.sub(r"^( *)```.*?^\1```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)


def table(path: Path, header: str) -> list[list[str]]:
    """The cells of the rows below a header line."""
    _, _, rest = path.read_text().partition(f"\n{header}\n")
    rows = rest.split("\n\n")[0].splitlines()[1:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def coded(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


# --- what runs


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder as after README's first command: with `.venv/bin`."""
    bin_folder = tmp_path / "clone" / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    script = bin_folder / "mailroom"
    script.write_text(f'#!/bin/sh\nexec {shlex.join(mailroom())} "$@"\n')
    script.chmod(0o755)
    return tmp_path / "clone"


async def test_shell_blocks_of_the_readme_that_are_marked_as_runnable_run(clone: Path) -> None:
    """One after the other, in a new account that has one mail, by a sender that the README names."""
    runnable = blocks(README, "sh runnable")
    assert len(runnable) >= 2
    sandbox = bare_sandbox()
    mail = sandbox.deliver("Ann <ann@example.org>", mailboxes=["Inbox"])
    async with settings_for(sandbox) as settings:
        variables = environment(settings, MAILROOM_HEALTH_PORT=str(free_port()))
        for block in runnable:
            ran = await trio.run_process(
                ["bash", "-euo", "pipefail", "-c", block],
                cwd=clone,
                env=variables,
                stdin=subprocess.DEVNULL,
                capture_stdout=True,
                capture_stderr=True,
                check=False,
            )
            assert ran.returncode == 0, f"{block}\n{ran.stdout.decode()}\n{ran.stderr.decode()}"
    (ann,) = (card for card in sandbox.cards() if "ann@example.org" in str(card.get("emails")))
    note = str(ann["notes"])
    assert note.index("Triaged to Feed on ") < note.index("Back to the Screener on ")
    assert "kim@example.org" in sandbox.groups()["Imbox"]
    assert sandbox.mailboxes_of(mail) == {"Inbox"}


EXAMPLES = table(DOCS / "workflow.md", "| What happens | Mail before | Mail after | Groups before | Groups after |")


@pytest.mark.parametrize("row", EXAMPLES, ids=lambda row: row[0])
async def test_the_examples_of_the_workflow_happen_so(row: list[str]) -> None:
    _, mail_before, mail_after, groups_before, groups_after = row
    sandbox = empty_sandbox()
    sandbox.create_mailbox("Receipts")
    if coded(groups_before):
        uid = sandbox.add_card("ann@example.org", "Ann")
        groups = {card.data["name"]["full"]: card.data["uid"] for card in sandbox.store.cards.objects.values()}
        for name in coded(groups_before):
            sandbox.change_card(groups[name], {"members": {uid: True}})
    with trio.fail_after(GUARD_SECONDS):
        async with screener(sandbox) as mailroom:
            mail = sandbox.deliver("Ann <ann@example.org>", mailboxes=coded(mail_before))
            await mailroom.run()
    assert sandbox.mailboxes_of(mail) == set(coded(mail_after))
    members = {name for name, addresses in sandbox.groups().items() if "ann@example.org" in addresses}
    assert members - {"Mailroom"} == set(coded(groups_after))


@page
def test_toml_in_the_documents_is_accepted(path: Path) -> None:
    for block in blocks(path, "toml"):
        if not ACCOUNT_FILE.match(block):
            build_scheme(tomllib.loads(block))


ACCOUNT_FILE = re.compile(r"# ([\w.]+\.toml)\n")


def test_files_of_accounts_in_the_documents_are_accepted(tmp_path: Path) -> None:
    page = DOCS / "accounts.md"
    for block in blocks(page, "toml"):
        if named := ACCOUNT_FILE.match(block):
            (tmp_path / named[1]).write_text(block)
    for name, text in re.findall(r"cat > accounts/([\w.]+) <<'END'\n(.*?)\s*END\n", page.read_text(), re.DOTALL):
        (tmp_path / name).write_text(text.replace("…", "x"))
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "a1234").write_text("x")
    (tmp_path / "secrets" / "a1234.beat").write_text("https://kuma.example.com/x")
    reading = read_folder(tmp_path)
    assert (reading.mistakes, reading.names) == ({}, ["a1234", "anna", "bob"])


# --- what exists


def anchors(path: Path) -> set[str]:
    """As code hosts make them of headings."""
    headings = re.findall(r"^#+ (.*)$", without_blocks(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@page
def test_links_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", without_blocks(path))
    for target in targets:
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.exists(), target
        assert there.is_relative_to(PROJECT), target
        assert not anchor or anchor in anchors(there), target


def test_every_page_is_linked_from_the_readme() -> None:
    linked = set(re.findall(r"\]\((docs/[^)#\s]+)", README.read_text()))
    assert linked == {str(each.relative_to(PROJECT)) for each in (*DOCS.glob("*.md"), *DOCS.glob("*.svg"))}


OUR_FOLDERS = ("mailroom/", "tests/", "docs/", "bench/", "human-tests/", "deploy/", "jmap/", "contacts/", "rules/")
MADE_BY_USERS = {"mailroom.toml", "mailrules.json", "token.txt", "imapd.conf", "defaults.toml"}
FILES = [*PROJECT.iterdir(), *(path for name in OUR_FOLDERS for path in (PROJECT / name).rglob("*.*"))]
NAMES = {path.name for path in FILES}


@page
def test_files_named_in_the_documents_exist(path: Path) -> None:
    for name in coded(without_blocks(path)):
        if re.fullmatch(r"[\w-]+\.(py|md|toml|svg|json)", name) and name not in MADE_BY_USERS:
            assert name in NAMES, name
        elif re.fullmatch(r"[\w./-]+", name) and name.startswith(OUR_FOLDERS):
            assert (PROJECT / name).exists() or (PROJECT / "mailroom" / name).exists(), name


@page
def test_tests_named_in_the_documents_exist(path: Path) -> None:
    everything = "\n".join(TESTS.values())
    for file, name in re.findall(r"(?:(tests/[\w/]+\.py)::)?\b(test_\w+)\b(?!\.py|\w)", without_blocks(path)):
        text = TESTS[PROJECT / file] if file else everything
        assert f"def {name}(" in text, f"{file}::{name}"


def test_the_architecture_names_every_room() -> None:
    named = {name for row in table(DOCS / "architecture.md", "| Room | What is in it |") for name in coded(row[0])}
    package = PROJECT / "mailroom"
    folders = {f"{each.parent.name}/" for each in package.glob("*/__init__.py")}
    assert named == {each.name for each in package.glob("*.py")} - {"__init__.py"} | folders


@page
def test_recipes_named_in_the_documents_exist(path: Path) -> None:
    recipes = re.findall(r"^([a-z][\w-]*)(?: [^:\n]*)?:(?!=)", (PROJECT / "justfile").read_text(), re.MULTILINE)
    for name in re.findall(r"`just ([\w-]+)`", without_blocks(path)):
        assert name in recipes, name


# --- what is so


def test_every_setting_is_listed_with_its_default() -> None:
    rows = table(DOCS / "configuration.md", "| Variable | Default | Meaning |")

    def shown(default: object) -> str:
        if isinstance(default, bool):
            return f"`{str(default).lower()}`"
        return "none" if default in (None, ()) else f"`{default:g}`" if isinstance(default, float) else f"`{default}`"

    assert [(name, default) for name, default, _ in rows] == [
        (f"`MAILROOM_{name.upper()}`", shown(field.default)) for name, field in SETTINGS.items()
    ]


def test_every_key_of_the_file_is_listed_with_its_default() -> None:
    text = (DOCS / "configuration.md").read_text()
    of_file, of_category, of_page, of_screening, of_digest, of_expire = re.findall(
        r"^\| Key \| Default \| Meaning \|\n(.*?)\n\n", text, re.MULTILINE | re.DOTALL
    )
    shown = dict(re.findall(r"^\| `(\w+)` \| ([^|]*) \|", of_file, re.MULTILINE))
    called = {"screener": "screener_mailbox", "splits": "split", "buttons": "page"}
    scheme = {called.get(each.name, each.name): each.default for each in fields(Scheme)}
    assert shown.keys() == scheme.keys()
    for name, default in shown.items():
        if name not in ("categories", "screening", "digest", "expire", "split", "page"):
            assert default == f"`{str(scheme[name]).replace('True', 'true').replace('()', '[]')}`"
    assert re.findall(r"^\| `(\w+)`", of_digest, re.MULTILINE) == ["at", "timezone"]
    assert re.findall(r"^\| `(\w+)`", of_expire, re.MULTILINE) == [each.name for each in fields(Expiry)]
    assert re.findall(r"^\| `(\w+)`", of_page, re.MULTILINE) == [each.name for each in fields(PageButtons)]
    assert re.findall(r"^\| `(\w+)`", of_category, re.MULTILINE) == [each.name for each in fields(Category)]
    shown = dict(re.findall(r"^\| `(\w+)` \| ([^|]*) \|", of_screening, re.MULTILINE))
    assert list(shown) == [each.name for each in fields(Screening)]
    plain = {each.name: each.default for each in fields(Screening) if each.name not in ("let_through", "moves")}
    assert all(shown[name] == f"`{str(default).replace('True', 'true')}`" for name, default in plain.items())


async def test_the_keys_of_the_health_check_and_the_metrics_are_listed_in_their_order() -> None:
    status = Status(poll_interval=60, categories=["Feed"])
    status.pass_succeeded("startup", PassOutcome({}, 0, 0, 0, mails_waiting=0), 1)
    health = table(DOCS / "deploy.md", "| Key | Meaning |")
    assert [coded(key)[0] for key, _ in health] == [field.name for field in fields(Health)]
    exposed = [
        sample for family in text_string_to_metric_families(metrics_of(status).decode()) for sample in family.samples
    ]
    labels = {re.sub(r"_(bucket|count|sum)$", "", each.name): {*each.labels} - {"le"} for each in exposed}
    rows = table(DOCS / "deploy.md", "| Metric | Labels | Counts |")
    assert {coded(name)[0]: {*coded(cell)} for name, cell, _ in rows} == labels


def test_every_reason_of_a_verdict_is_listed_with_its_outcome_in_the_order_in_which_it_is_asked() -> None:
    rows = table(DOCS / "configuration.md", "| Reason | The mail | Because |")
    shown = {Outcome.SCREENED: "is screened", Outcome.ROUTED: "goes to the category", Outcome.STAYS: "stays"}
    assert [(name, becomes) for name, becomes, _ in rows] == [
        (f"`{each.name.lower()}`", shown[each.outcome]) for each in Reason if each.outcome in shown
    ]


def test_the_workflow_lists_the_usual_categories() -> None:
    rows = table(DOCS / "workflow.md", "| Category | Label | Parent | Meant for |")
    assert [(name, label, parent) for name, label, parent, _ in rows] == [
        (each.name, f"`{each.label}`", each.parent or "") for each in DEFAULT_CATEGORIES
    ]


def log_lines() -> list[dict[str, object]]:
    return [json.loads(line) for block in blocks(DOCS / "troubleshooting.md", "json") for line in block.splitlines()]


@pytest.mark.parametrize("line", log_lines(), ids=lambda line: str(line["event"]))
def test_log_lines_are_such_as_the_code_writes(line: dict[str, object]) -> None:
    event, level, component, *details = line
    assert [event, level, component] == ["event", "level", "component"]
    writers = [
        text for text in SOURCES.values() if f'"{line["event"]}"' in text and f'component="{line["component"]}"' in text
    ]
    assert writers, line["event"]
    assert any(all(re.search(rf"\b{name}\b", text) for name in details) for text in writers)


def test_the_picture_is_of_a_whole_run_and_loads_nothing() -> None:
    svg = (DOCS / "demo.svg").read_text()
    shown = "".join(fromstring(svg).itertext()).replace("\u00a0", " ")
    taps, of = re.findall(r"Taps answered +(\d+) of (\d+)", shown)[0]
    assert taps == of != "0"
    assert "TOO LATE" not in shown
    assert not re.search(r"@font-face|@import|href|url\((?!#)", svg)
