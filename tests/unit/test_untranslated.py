"""What a person reads is translated: pages, messages and scripts have no English of their own."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

LAUNCHER = Path(__file__).parents[2] / "launcher"

TRANSLATING = {"_", "gettext", "lazy_gettext", "ngettext", "pgettext"}
LOGGING = {"debug", "info", "warning", "error", "exception", "critical"}

SENTENCE = re.compile(r"[A-Za-z]{2,} [a-z]{2,}")
PARTS = ("web", "i18n", "notifications", "http")
"""The packages whose texts reach a browser or a recipient."""

FOR_PROGRAMS = {
    "web/metrics.py": "read by Prometheus",
    "web/checks/metrics.py": "read by Prometheus",
    "web/copy_metrics.py": "read by Prometheus",
    "web/gauges.py": "read by Prometheus",
    "web/assets.py": "markup and styles",
    "notifications/app_sights.py": "queries",
    "notifications/recipients.py": "printed in a terminal; labels.py words them for pages",
    "notifications/sender.py": "patterns of what services answer",
}

NO_SENTENCES = [
    r"(flask )?(backup|database|user) [a-z-]+( [a-z-]+)*|flask [a-z-]+( [a-z-]+)*",  # commands
    r"docker compose .*",
    r"file is not a database|database disk image is malformed|unable to open database file",
    r"it holds no settings",  # a detail of the core, looked up in labels.py
    r"\(<time .*",  # a pattern
    r"(inner|outer)HTML show:top",  # htmx
    r"store the upload|the upload|the form of an app|entries of a form",  # facts and salts
    r"a failed test of a check",  # a salt
    r"the form is out of date|it is gone",  # errors with a code, which the form words
    r"the header host names no host\.",  # before a language is known
    r"days days-tall",  # classes
    r"<.*",  # markup
]
"""What looks like a sentence and is none, or is not shown."""

NAMES = {
    "launcher", "sqlite", "sha-256", "lucide", "isc", "simple-icons", "cc0", "home", "assistant",
    "openapi", "json", "alone-wide",
}  # fmt: skip
"""The words of templates that are the same in every language, and classes in a block."""

TAGS = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
NOT_READ = re.compile(r"<(script|style|code|kbd|pre|svg)\b.*?</\1>", re.DOTALL)
READ_ATTRIBUTE = re.compile(r'(?:aria-label|title|placeholder|alt)="([^"]*)"')


def _name(call: ast.Call) -> str:
    return getattr(call.func, "id", "") or getattr(call.func, "attr", "")


def untranslated(source: str) -> Iterator[str]:
    """Yield the sentences of a module that are not translated, logged, raised or documentation."""
    tree = ast.parse(source)
    left_out: set[int] = set()
    for node in ast.walk(tree):
        is_call = isinstance(node, ast.Call) and _name(node) in TRANSLATING | LOGGING
        if is_call or isinstance(node, ast.Raise):
            left_out |= {id(part) for part in ast.walk(node)}
        elif isinstance(node, ast.Expr):
            left_out.add(id(node.value))
    for node in ast.walk(tree):
        if id(node) in left_out or not isinstance(node, ast.Constant):
            continue
        text = str(node.value).strip() if isinstance(node.value, str) else ""
        known = any(re.fullmatch(each, text, re.DOTALL | re.IGNORECASE) for each in NO_SENTENCES)
        if SENTENCE.search(text) and not known:
            yield text


def words_outside_messages(template: str) -> Iterator[str]:
    """Yield the words that a template shows without a message."""
    text = NOT_READ.sub(" ", TAGS.sub(" ", template))
    shown = [*READ_ATTRIBUTE.findall(text), *re.sub(r"<[^<>]*>", "\n", text).splitlines()]
    for line in shown:
        if re.search(r"[a-z-]+=\"", line):  # a tag whose end is in a message
            continue
        yield from (w for w in re.findall(r"[A-Za-z][\w-]+", line) if w.lower() not in NAMES)


@pytest.mark.parametrize("part", PARTS)
def test_no_sentence_of_a_page_or_a_message_is_in_english_only(part: str) -> None:
    odd = {}
    for path in sorted((LAUNCHER / part).rglob("*.py")):
        name = path.relative_to(LAUNCHER).as_posix()
        if name not in FOR_PROGRAMS and (texts := [*untranslated(path.read_text("utf-8"))]):
            odd[name] = texts
    assert odd == {}


def test_no_message_is_inside_an_f_string_where_its_extraction_misses_it() -> None:
    missed = [
        f"{path.relative_to(LAUNCHER)}:{call.lineno}"
        for path in sorted(LAUNCHER.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.JoinedStr)
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and _name(call) in TRANSLATING
    ]
    assert missed == []


def test_no_word_of_a_template_is_in_english_only() -> None:
    odd = {}
    for path in sorted((LAUNCHER / "templates").rglob("*.html")):
        if words := [*words_outside_messages(path.read_text("utf-8"))]:
            odd[path.name] = words
    assert odd == {}


def test_no_script_has_words_of_its_own() -> None:
    odd = {}
    for path in sorted((LAUNCHER / "static").glob("*.js")):
        code = re.sub(r"/\*.*?\*/|(?m:^\s*//.*$|\s//\s.*$)", "", path.read_text("utf-8"))
        if texts := re.findall(r"""["'`]([A-Z][a-z]+ [a-z]+[^"'`]*)["'`]""", code):
            odd[path.name] = texts
    assert odd == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('title = "Something went wrong"', ["Something went wrong"]),
        ('title = gettext("Something went wrong")', []),
        ('log.warning("Something went wrong")', []),
        ('"""What the module does."""', []),
        ('command = "flask backup verify --all"', []),
    ],
)
def test_a_sentence_is_found_wherever_it_is_shown(source: str, found: list[str]) -> None:
    assert [*untranslated(source)] == found


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("<p>Hello</p>", ["Hello"]),
        ('<p>{{ _("Hello") }}</p>', []),
        ('<button aria-label="Close">+</button>', ["Close"]),
        ("<code>flask run</code>", []),
    ],
)
def test_a_word_of_a_template_is_found(template: str, found: list[str]) -> None:
    assert [*words_outside_messages(template)] == found
